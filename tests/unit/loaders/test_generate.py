"""What is generated from the contracts is what the project holds."""

from pathlib import Path

import yaml

from loaders.base_models import DIRECTORY
from loaders.contract import CONTRACTS_DIRECTORY, load_contracts
from loaders.generate import MACRO, PROJECT, SCHEMAS, SOURCES, generated, outdated


def test_generated_files_are_up_to_date() -> None:
    assert outdated(PROJECT, generated(load_contracts())) == [], "run `python -m loaders.generate`"


def test_a_changed_contract_makes_them_out_of_date(tmp_path: Path) -> None:
    for path in CONTRACTS_DIRECTORY.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text().replace("version: 1.0.0", "version: 1.0.1"))
    assert outdated(PROJECT, generated(load_contracts(tmp_path))) == [SOURCES, MACRO]


def test_a_new_feed_needs_its_contract_only(tmp_path: Path) -> None:
    text = (CONTRACTS_DIRECTORY / "products.odcs.yaml").read_text()
    (tmp_path / "suppliers.odcs.yaml").write_text(text.replace("name: products", "name: suppliers"))
    files = generated(load_contracts(tmp_path))
    assert 'create table if not exists "raw"."suppliers"' in files[SCHEMAS["rds"]]
    assert 'create table if not exists "raw"."suppliers"' in files[SCHEMAS["redshift"]]
    tables = yaml.safe_load(files[SOURCES])["sources"][0]["tables"]
    assert [table["name"] for table in tables] == ["suppliers"]
    assert "standardized_records('suppliers', source('raw', 'suppliers')" in files[DIRECTORY / "base_suppliers.sql"]
    (model,) = yaml.safe_load(files[DIRECTORY / "base_suppliers.yml"])["models"]
    types = {column["name"]: column["data_type"] for column in model["columns"]}
    assert (types["price"], types["price_raw"], types["price_issue"]) == ("numeric(18,4)", *["varchar(65535)"] * 2)


def test_redshift_gets_byte_lengths_keys_and_no_defaults() -> None:
    sql = generated(load_contracts())[SCHEMAS["redshift"]]
    assert '"customer_name" varchar(65535)' in sql
    assert '"_extra" varchar(65535)\n)\ndiststyle even\nsortkey ("_load_id", "_row_number");' in sql
    assert '"finished_at" timestamp\n)\ndiststyle all\nsortkey ("delivery_id");' in sql
    assert "default" not in sql


def test_what_is_the_pipelines_alone_is_not_in_redshift() -> None:
    sql = generated(load_contracts())[SCHEMAS["redshift"]]
    assert 'ops"."lease' not in sql
    assert 'ops"."runs' not in sql
