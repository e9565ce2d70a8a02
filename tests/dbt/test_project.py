"""What holds for every model and macro, read from the project without a database."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from loaders.contract import load_contracts
from localcloud.settings import PROJECT
from tests.dbt.warehouse import DBT

MODELS = sorted((PROJECT / "dbt_project/models").rglob("*.sql"))
MACROS = sorted((PROJECT / "dbt_project/macros").rglob("*.sql"))
DISPATCHED = re.compile(r"adapter\.dispatch\('(\w+)', 'xtage'\)")
NOT_ON_REDSHIFT = re.compile(
    r"\b(filter\s*\(|distinct\s+on|string_agg|array_agg|generate_series|lateral|unnest|jsonb?|returning"
    r"|is\s+(not\s+)?distinct\s+from|on\s+conflict|fetch\s+first|range\s+between|uuid)",
    re.IGNORECASE,
)


def named(path: Path) -> str:
    return path.stem


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The project as dbt reads it; reading needs no connection."""
    target = tmp_path_factory.mktemp("target")
    command = [str(DBT), "--quiet", "parse", "--target-path", str(target), "--log-path", str(target)]
    finished = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout
    read: dict[str, Any] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return read


def models_and_sources(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    yield from manifest["sources"].values()


def test_no_model_and_no_column_lacks_a_description(manifest: dict[str, Any]) -> None:
    lacking = [
        f"{node['name']}.{column['name']}" if column else node["name"]
        for node in models_and_sources(manifest)
        for column in [None, *node["columns"].values()]
        if not (column or node)["description"].strip()
    ]
    assert lacking == []


def test_no_macro_and_no_test_lacks_a_description(manifest: dict[str, Any]) -> None:
    """A macro's versions for one database are told by the macro they belong to."""
    macros = [one for one in manifest["macros"].values() if one["package_name"] == "xtage"]
    tests = [one for one in manifest["nodes"].values() if one["resource_type"] == "test" and "test_metadata" not in one]
    named = [one for one in [*macros, *tests] if not re.match("(default|postgres|redshift)__", one["name"])]
    assert len(tests) > 3
    assert [one["name"] for one in named if not one["description"].strip()] == []


def test_every_model_with_logic_has_a_unit_test(manifest: dict[str, Any]) -> None:
    """All but those that only rename the columns of another model or call one macro that others test."""
    feeds = "|".join(source["name"] for source in manifest["sources"].values() if source["source_name"] == "raw")
    plain = re.compile(rf"(stg|int)_record_counts|stg_array_counts|stg_load_arrays|stg_({feeds})(_issues)?")
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    models = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    assert {name for name in models - tested if not plain.fullmatch(name)} == set()


def test_every_description_of_a_model_begins_with_its_grain(manifest: dict[str, Any]) -> None:
    for node in models_and_sources(manifest):
        assert node["description"].startswith("One row per "), node["name"]


def test_every_model_has_an_enforced_contract(manifest: dict[str, Any]) -> None:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert [node["name"] for node in models if not node["config"]["contract"]["enforced"]] == []


def test_every_feed_has_a_freshness(manifest: dict[str, Any]) -> None:
    feeds = {source["name"]: source for source in manifest["sources"].values() if source["source_name"] == "raw"}
    assert feeds
    # The arrays of a nested feed come with its records.
    assert all(source["freshness"]["warn_after"]["count"] for name, source in feeds.items() if "__" not in name)


def test_every_mart_is_tested(manifest: dict[str, Any]) -> None:
    tested = {
        unique_id
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        for unique_id in node["depends_on"]["nodes"]
    }
    marts = {name for name, node in manifest["nodes"].items() if node["fqn"][1:2] == ["marts"]}
    marts = {name for name in marts if name.startswith("model.")}
    assert marts - tested == set()


@pytest.mark.parametrize("path", MODELS, ids=named)
def test_no_model_is_long_or_knows_its_database(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert "target." not in text
    found = NOT_ON_REDSHIFT.search(text)
    assert not found, f"{found} is not known on Redshift: put it into a dispatched macro"


def test_every_macro_for_postgres_has_a_twin_for_redshift() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in MACROS)
    for name in DISPATCHED.findall(text):
        ways = {way for way in ("postgres", "redshift", "default") if f"macro {way}__{name}(" in text}
        assert ways in ({"postgres", "redshift"}, {"default"}), name


def test_only_staging_reads_the_sources(manifest: dict[str, Any]) -> None:
    readers = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["fqn"][1] != "staging"
        and any(name.startswith("source.") for name in node["depends_on"]["nodes"])
    }
    assert readers == set()


def test_what_an_incremental_model_reads_tells_it_what_changed(manifest: dict[str, Any]) -> None:
    """Views of staging, of whose feeds it follows the loads, and other incremental models; a table tells nothing."""
    models = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    for node in models.values():
        if node["config"]["materialized"] != "incremental":
            continue
        parents = [models[name] for name in node["depends_on"]["nodes"] if name in models]
        kinds = {parent["name"]: parent["config"]["materialized"] for parent in parents}
        assert set(kinds.values()) <= {"view", "incremental"}, (node["name"], kinds)
        reads_staging = any(parent["fqn"][1] == "staging" for parent in parents if parent["name"] != "stg_load_marks")
        assert reads_staging == bool(node["config"]["meta"].get("feeds")), node["name"]


def test_no_text_is_too_long_for_the_index_that_holds_it(manifest: dict[str, Any]) -> None:
    """One such value would fail every build. The columns are called as in their contract."""
    limits = {column.name: column.max_bytes for contract in load_contracts().values() for column in contract.columns}
    indexed = {
        name
        for node in manifest["nodes"].values()
        for index in node["config"].get("indexes", [])
        for name in index["columns"]
        if node["columns"][name]["data_type"].startswith(("text", "varchar"))
    }
    assert indexed
    assert {name: limits[name] for name in indexed if limits[name] > 1000} == {}


def test_every_feed_has_a_selector(manifest: dict[str, Any]) -> None:
    selectors = yaml.safe_load((PROJECT / "selectors.yml").read_text(encoding="utf-8"))["selectors"]
    sources = {source["name"] for source in manifest["sources"].values() if source["source_name"] == "raw"}
    feeds = {name for name in sources if "__" not in name}
    assert feeds | {"staging", "intermediate", "marts"} == {selector["name"] for selector in selectors}


def test_every_input_of_a_unit_test_has_a_row_without_a_null(manifest: dict[str, Any]) -> None:
    """On Redshift dbt takes the types from it, and refuses an input that has none; a column left out is no null."""
    inputs = [
        (test["name"], given["input"], given["rows"] or [{}])
        for test in manifest["unit_tests"].values()
        for given in test["given"]
    ]
    assert len(inputs) > 40
    assert [(name, given) for name, given, rows in inputs if all(None in row.values() for row in rows)] == []
