"""What a contract file may say, and what is said about one that is wrong."""

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from loaders.contract import CONTRACTS_DIRECTORY, Rule, Tolerated, feed_of, is_drop, load_contracts, normalized
from loaders.contract_columns import COLUMN_PROPERTIES
from loaders.contract_file import CONTRACT_PROPERTIES
from loaders.contract_quality import LIMITS, THRESHOLDS
from loaders.errors import ContractError

SALES = CONTRACTS_DIRECTORY / "sales.odcs.yaml"


def changed(tmp_path: Path, *path: str | int, value: Any) -> Path:
    """A directory with the sales contract in which one place holds something else (`...` removes it)."""
    document = yaml.safe_load(SALES.read_text())
    place = document
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    (tmp_path / SALES.name).write_text(yaml.safe_dump(document))
    return tmp_path


def test_the_five_feeds_are_described() -> None:
    keys = {feed: contract.key for feed, contract in load_contracts().items()}
    assert (
        keys.items()
        >= {
            "customers": ("customer_id",),
            "exchange_rates": ("currency_code", "date"),
            "products": ("product_id",),
            "sales": ("transaction_id",),
            "transactions": ("transaction_id",),
        }.items()
    )


@pytest.mark.parametrize("path", sorted(CONTRACTS_DIRECTORY.glob("*.yaml")), ids=lambda path: path.name)
def test_contracts_follow_the_standard(path: Path) -> None:
    schema = json.loads(OpenDataContractStandard.json_schema())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))] == []


def test_rules_formats_and_words_are_read() -> None:
    columns = {column.name: column for column in load_contracts()["sales"].columns}
    assert columns["transaction_date"].date_formats == ("YYYY-MM-DD", "DD/MM/YYYY", "MM-DD-YYYY")
    assert columns["transaction_date"].rules == (Rule("after_delivery", "not_after_delivery", None),)
    assert columns["quantity"].rules == (
        Rule("below_minimum", "exclusive_minimum", "0"),
        Rule("unusually_large", "maximum", "100", "warning"),
    )
    assert columns["price"].empty_words == ("", "null", "n/a", "unknown")
    assert columns["price"].data_type == "numeric(18,4)"


def test_how_much_dirt_is_usual_is_read_for_the_feed_and_for_a_column() -> None:
    columns = {column.name: column for column in load_contracts()["sales"].columns}
    assert columns["product_id"].tolerated == Tolerated(missing="5", invalid="5")
    assert columns["price"].tolerated == Tolerated(missing="5", invalid="30")


PROPERTIES: tuple[str | int, ...] = ("schema", 0, "properties")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(("kind",), "Something", "kind must be DataContract", id="kind"),
        pytest.param(("apiVersion",), "v2.2.0", "apiVersion must be v3.x", id="api-version"),
        pytest.param(("version",), ..., "version is missing", id="version"),
        pytest.param(("owner",), "me", "unknown field `owner`", id="unknown-field"),
        pytest.param(("team",), ..., "team.name is missing", id="owner"),
        pytest.param(("schema",), [], "exactly one table, not 0", id="no-table"),
        pytest.param(("schema", 0, "name"), "sale", "in this file it must be 'sales'", id="other-feed"),
        pytest.param((*PROPERTIES, 0, "name"), "Transaction ID", "must be snake_case", id="column-name"),
        pytest.param((*PROPERTIES, 1, "name"), "transaction_id", "'transaction_id' is given twice", id="column-twice"),
        pytest.param(
            (*PROPERTIES, 1, "physicalName"), "TRANSACTION ID", "'transactionid' is given twice", id="headers"
        ),
        pytest.param((*PROPERTIES, 1, "physicalName"), "\uff34ransaction ID", "is given twice", id="wide-letters"),
        pytest.param((*PROPERTIES, 1, "description"), ..., "product_id.description is missing", id="description"),
        pytest.param((*PROPERTIES, 1, "logicalType"), "map", "product_id.logicalType is 'map'", id="type"),
        pytest.param((*PROPERTIES, 1, "logicalType"), "object", "product_id.properties is missing", id="no-members"),
        pytest.param((*PROPERTIES, 1, "logicalType"), "array", "sales__product_id.items is missing", id="no-items"),
        pytest.param((*PROPERTIES, 1, "physicalType"), "money", "product_id.physicalType 'money'", id="physical-type"),
        pytest.param((*PROPERTIES, 0, "primaryKey"), False, "needs a record key", id="no-key"),
        pytest.param((*PROPERTIES, 0, "primaryKeyPosition"), 2, "must count 1, 2", id="key-position"),
        pytest.param(
            (*PROPERTIES, 4, "customProperties"), [], "transaction_date.dateFormats must be given", id="no-format"
        ),
        pytest.param((*PROPERTIES, 4, "customProperties", 0, "value"), ["YY-M-D"], "'YY-M-D' must hold", id="format"),
        pytest.param(
            (*PROPERTIES, 4, "customProperties", 0, "property"), "dateFormat", "'dateFormat' is not", id="misspelt"
        ),
        pytest.param((*PROPERTIES, 3, "logicalTypeOptions"), {"minimum": "0"}, "minimum must be a number", id="limit"),
        pytest.param((*PROPERTIES, 3, "logicalTypeOptions"), {"least": 0}, "limit 'least' is not", id="unknown-limit"),
        pytest.param((*PROPERTIES, 3, "logicalTypeOptions"), {"minimum": math.nan}, "must be a number", id="nan"),
        pytest.param((*PROPERTIES, 3, "enum"), [{"value": True}], "properties[3].enum[0].value", id="enum"),
        pytest.param((*PROPERTIES, 3, "required"), "no", "properties[3].required", id="required"),
        pytest.param(
            (*PROPERTIES, 1, "customProperties"),
            [{"property": "maxBytes", "value": True}],
            "maxBytes must be a int",
            id="bool-for-a-number",
        ),
        pytest.param(("slaProperties", 0, "value"), True, "slaProperties.freshness needs value", id="no-hours"),
        *(
            pytest.param(
                ("customProperties", 3), {"property": "encoding", "value": encoding}, ".encoding: ", id=encoding
            )
            for encoding in ("klingon", "rot13", "idna", "undefined")
        ),
        pytest.param((*PROPERTIES, 3, "quality", 0, "unit"), "rows", "`unit: percent`", id="threshold-unit"),
        pytest.param((*PROPERTIES, 3, "quality", 0, "mustBeLessOrEqualTo"), 101, "from 0 to 100", id="threshold"),
        pytest.param(("schema", 0, "quality", 0, "metric"), "rowCount", "`metric: missingValues`", id="threshold-of"),
        pytest.param(("slaProperties",), [], "has no `freshness`", id="freshness"),
        pytest.param(("customProperties", 0, "value"), "daily", "delivery is 'daily'", id="delivery"),
        pytest.param(("customProperties", 1, "value"), "keep", "onRewrite is 'keep'", id="on-rewrite"),
        pytest.param(("customProperties", 2, "value"), [], "filePatterns must list", id="no-patterns"),
        pytest.param(("customProperties", 2, "value"), ["raw/*.csv"], "filePatterns must list", id="pattern-with-path"),
        pytest.param(("customProperties", 3, "value"), "no", "allowEmpty must be a bool", id="not-a-bool"),
        pytest.param(("customProperties", 0), ..., "delivery is None", id="no-delivery"),
    ],
)
def test_a_wrong_contract_is_refused_with_its_file_and_place(
    tmp_path: Path, path: tuple[str | int, ...], value: Any, message: str
) -> None:
    with pytest.raises(ContractError) as refused:
        load_contracts(changed(tmp_path, *path, value=value))
    assert str(refused.value).startswith("sales.odcs.yaml: ")
    assert message in str(refused.value)


CONTENTS = {
    "empty": "",
    "list": "- a list",
    "broken": "a: [",
    "nul": "\x00",
    "no_date": "version: 2026-13-45",
    "no_number": "version: !!int x",
}


@pytest.mark.parametrize("text", CONTENTS.values(), ids=CONTENTS)
def test_a_file_that_is_no_contract_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "sales.odcs.yaml").write_text(text)
    with pytest.raises(ContractError, match=r"sales\.odcs\.yaml"):
        load_contracts(tmp_path)


@pytest.mark.parametrize("name", ["sales.yaml", "sales.odcs.yml", "sales.yml"])
def test_a_contract_by_another_name_is_refused_and_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(SALES.read_text())
    with pytest.raises(ContractError, match=f"{name}: is not called <feed>.odcs.yaml"):
        load_contracts(tmp_path)


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.odcs.yaml").write_text("- a")
    (tmp_path / "two.odcs.yaml").write_text("- b")
    with pytest.raises(ContractError, match=r"one\.odcs\.yaml.*two\.odcs\.yaml"):
        load_contracts(tmp_path)


def test_a_directory_without_contracts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no contracts directory"):
        load_contracts(tmp_path / "none")
    with pytest.raises(ContractError, match="add the contract of a feed"):
        load_contracts(tmp_path)


@pytest.mark.parametrize(
    ("key", "feed"),
    [
        ("sales_data.csv", "sales"),
        ("SALES_DATA (2).CSV", "sales"),
        ("2024/05/transactions-31.csv.gz", "transactions"),
        ("raw/customer_data.json", "customers"),
        ("raw/products/anything.at.all", "products"),
        ("raw/products/sales_data.csv", "products"),
        ("raw/products/2024/05/x", "products"),
        ("raw/suppliers/sales_data.csv", None),
        ("exchange_rates.jsonl", "exchange_rates"),
        ("sales.xlsx", None),
        ("sales_data.csv/readme", None),
        ("raw/", None),
    ],
)
def test_an_object_belongs_to_the_feed_of_its_path_or_its_name(key: str, feed: str | None) -> None:
    assert feed_of(key, load_contracts().values()) == feed


def test_a_name_that_several_feeds_claim_belongs_to_none(tmp_path: Path) -> None:
    changed(tmp_path, "customProperties", 2, "value", value=["*.csv"])
    (tmp_path / "products.odcs.yaml").write_text((CONTRACTS_DIRECTORY / "products.odcs.yaml").read_text())
    contracts = load_contracts(tmp_path)
    assert feed_of("products.csv", contracts.values()) is None
    assert feed_of("other.csv", contracts.values()) == "sales"


@pytest.mark.parametrize(
    ("key", "size", "drop"),
    [
        ("sales_data.csv", 1, True),
        ("sales_data.csv", 0, True),
        ("raw/sales/a.csv", 1, True),
        ("raw/sales/a.csv/", 1, True),
        ("lakes/a.csv", 1, True),
        ("lake/marts/part-0.parquet", 1, False),
        ("work/x", 1, False),
        ("artifacts/loaders.zip", 1, False),
        ("raw/sales/", 0, False),
    ],
)
def test_all_but_the_reserved_prefixes_and_folders_is_a_drop(key: str, size: int, drop: bool) -> None:
    assert is_drop(key, size) is drop


def test_headers_match_without_case_blanks_and_punctuation() -> None:
    assert {normalized(name) for name in ("Transaction_ID", "transaction id", " Transaction-Id ")} == {"transactionid"}


def test_every_property_is_explained_where_contracts_are_written() -> None:
    readme = (CONTRACTS_DIRECTORY / "README.md").read_text()
    known = {*CONTRACT_PROPERTIES, *COLUMN_PROPERTIES, *LIMITS, *THRESHOLDS}
    assert [name for name in sorted(known) if f"`{name}`" not in readme] == []
