"""What the functions and builds on AWS import: the lock's packages, complete, for Lambda's Python, within its limit."""

import io
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from xtage.deploy import PROJECT, DeployError, dependencies

LOADERS_PYTHON = PROJECT / ".venv-lambda" / "bin" / "python"

runs_layer = pytest.mark.skipif(
    (sys.platform, platform.machine(), sys.version_info[:2]) != ("linux", "x86_64", (3, 11)),
    reason="the layer's compiled packages are for Linux on x86_64 with Python 3.11",
)


@runs_layer
def test_the_trimmed_layer_has_all_that_the_functions_import(tmp_path: Path) -> None:
    dependencies.install(dependencies.locked(PROJECT, "lambda"), tmp_path)
    imported = "loaders.handler, loaders.parse.parquet_reader, api.handler, api.authorizer, api.documentation"
    script = f"import sys; sys.path[:0] = {[str(PROJECT), str(tmp_path)]}; import {imported}"
    # -S leaves out the packages of the Python that runs it.
    done = subprocess.run([LOADERS_PYTHON, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_packages_over_lambdas_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "LAYER_BYTES", 0)
    one = re.search(r"^msgspec==.*?(?=^\S)", dependencies.locked(PROJECT, "lambda"), re.MULTILINE | re.DOTALL)
    assert one
    with pytest.raises(DeployError, match="of the 0 MiB that Lambda leaves them"):
        dependencies.install(one[0], tmp_path)


def test_the_same_lock_makes_the_same_layer_whenever_it_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = re.search(r"^msgspec==.*?(?=^\S)", dependencies.locked(PROJECT, "lambda"), re.MULTILINE | re.DOTALL)
    assert one
    monkeypatch.setattr(dependencies, "locked", lambda project, group: one[0])
    first = dependencies.layer(PROJECT)
    assert first.read() == dependencies.layer(PROJECT).read()
    names = zipfile.ZipFile(io.BytesIO(first.read())).namelist()
    assert names
    assert all(name.startswith("python/") for name in names)


def test_packages_that_cannot_be_fetched_are_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="uv could not fetch what the lock names"):
        dependencies.install("no-such-package-anywhere==1.0 --hash=sha256:" + "0" * 64, tmp_path)


@pytest.fixture(scope="module")
def wheelhouse() -> bytes:
    """The zip that a deployment uploads."""
    return dependencies.wheelhouse(PROJECT).read()


def test_the_wheelhouse_has_every_wheel_that_the_build_asks_for(wheelhouse: bytes) -> None:
    requirements = (PROJECT / "orchestration" / "requirements-dbt.txt").read_text()
    wanted = {
        normalized(line.split("==")[0]) for line in requirements.splitlines() if "==" in line and "win32" not in line
    }
    wheels = zipfile.ZipFile(io.BytesIO(wheelhouse)).namelist()
    assert all(wheel.endswith(".whl") for wheel in wheels)
    assert wanted <= {normalized(wheel.split("-")[0]) for wheel in wheels}


@runs_layer
def test_the_build_installs_from_the_wheelhouse_with_the_network_cut_off(wheelhouse: bytes, tmp_path: Path) -> None:
    """The buildspec's own command, in a network namespace without a single way out."""
    cut_off = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*cut_off, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets no user cut off the network")
    wheels, packages, bin_directory = tmp_path / "wheels", tmp_path / "packages", tmp_path / "bin"
    zipfile.ZipFile(io.BytesIO(wheelhouse)).extractall(wheels)
    bin_directory.mkdir()
    # Not a link: a Python finds its packages by where it was called.
    (bin_directory / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (bin_directory / "python").chmod(0o755)
    buildspec = yaml.safe_load((PROJECT / "orchestration" / "buildspec.yml").read_text())
    *_, command = buildspec["phases"]["install"]["commands"]
    environment = {
        "PATH": f"{bin_directory}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "CODEBUILD_SRC_DIR_wheelhouse": str(wheels),
        # Beside what this environment has already.
        "PIP_TARGET": str(packages),
    }
    probe = "import socket; socket.create_connection(('pypi.org', 443), timeout=5)"
    reached = subprocess.run([*cut_off, sys.executable, "-c", probe], capture_output=True, check=False)
    assert reached.returncode != 0
    done = subprocess.run(
        [*cut_off, "sh", "-c", command], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # Without the packages of the Python that runs it.
    imported = "dbt.cli.main, dbt.adapters.postgres, dbt.adapters.redshift"
    script = f"import sys; sys.path.insert(0, {str(packages)!r}); import {imported}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_keys_change_with_the_lock_only(tmp_path: Path) -> None:
    (tmp_path / "orchestration").mkdir()
    requirements = tmp_path / "orchestration" / "requirements-dbt.txt"
    requirements.write_text("dbt-core==1.11.0")
    before = dependencies.wheelhouse(tmp_path).key
    assert dependencies.wheelhouse(tmp_path).key == before
    requirements.write_text("dbt-core==1.11.1")
    assert dependencies.wheelhouse(tmp_path).key != before


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name.strip()).lower()
