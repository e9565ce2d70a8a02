from pathlib import Path

import pytest

from localcloud.settings import PROJECT
from xtage.errors import OperatorError
from xtage.profiles import read_target

PROFILES = """
shop:
  target: "{{ env_var('SHOP_TARGET', 'near') }}"
  outputs:
    near:
      type: postgres
      host: 127.0.0.1
      port: "{{ env_var('SHOP_PORT', '5432') | as_number }}"
      password: "{{ env_var('SHOP_PASSWORD') }}"
      sslrootcert: "{{ env_var('SHOP_CA', '') or none }}"
      schema: "dev_{{ env_var('SHOP_USER', 'nobody') }}"
      threads: 4
    far:
      type: redshift
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "profiles.yml").write_text(PROFILES)
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    return tmp_path


def test_values_are_what_dbt_would_use(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "00123")
    monkeypatch.setenv("SHOP_USER", "ann")
    assert read_target(project) == {
        "type": "postgres",
        "host": "127.0.0.1",
        "port": 5432,
        "password": "00123",
        "sslrootcert": None,
        "schema": "dev_ann",
        "threads": 4,
    }


def test_only_the_chosen_target_needs_its_variables(project: Path) -> None:
    assert read_target(project, "far") == {"type": "redshift"}


def test_a_missing_variable_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    with pytest.raises(OperatorError, match="target near needs the environment variable SHOP_PASSWORD"):
        read_target(project)


def test_an_unknown_target_names_the_known_ones(project: Path) -> None:
    with pytest.raises(OperatorError, match="no target moon; the targets are near, far"):
        read_target(project, "moon")


def test_the_default_target_of_this_project_is_the_local_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XTAGE_POSTGRES_PORT", raising=False)
    target = read_target(PROJECT)
    assert (target["host"], target["port"], target["user"], target["dbname"]) == ("127.0.0.1", 54320, "xtage", "xtage")
