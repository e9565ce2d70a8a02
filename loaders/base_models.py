"""The dbt models that read the raw tables, and their descriptions: a contract says all that is in them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from loaders.contract import ArrayTable, Column, Contract
from loaders.tables import arrays_of, position_of

DIRECTORY = Path("dbt_project/models/staging/base")

SQL = """\
{{#- {header} -#}}
{{{{ standardized_records('{table}', source('raw', '{table}'), ref('stg_loads')) }}}}
"""

YAML = """\
# {header}
models:
  - name: base_{table}
    description: >-
{description}
    columns:
{columns}"""

COLUMN = """\
      - name: {name}
        data_type: {data_type}
        description: {description}
"""

DESCRIPTION_WIDTH = 120
"""As wide as the project's other files are."""


def base_models(contracts: Iterable[Contract], header: str) -> dict[Path, str]:
    """Model and description of every table that the contracts describe, by path; `header` says where they come from."""
    files: dict[Path, str] = {}
    for contract in contracts:
        files |= _files(contract.feed, _of_records(contract), contract.columns, (), header)
        for array, around in arrays_of(contract.arrays):
            positions = (*map(position_of, around), "_position")
            columns = (*contract.key_columns, *array.columns)
            files |= _files(array.name, _of_elements(contract, array), columns, positions, header)
    return files


def _files(
    table: str, description: str, columns: Iterable[Column], positions: Iterable[str], header: str
) -> Mapping[Path, str]:
    indent = " " * 6
    wrapped = textwrap.fill(description, DESCRIPTION_WIDTH, initial_indent=indent, subsequent_indent=indent)
    entries = [*_values(columns), *_lineage(positions)]
    listed = "".join(COLUMN.format(name=name, data_type=kind, description=told) for name, kind, told in entries)
    return {
        DIRECTORY / f"base_{table}.sql": SQL.format(header=header, table=table),
        DIRECTORY / f"base_{table}.yml": YAML.format(header=header, table=table, description=wrapped, columns=listed),
    }


def _of_records(contract: Contract) -> str:
    feed = contract.feed
    return (
        f"One row per live record of the {feed} feed, each contract column as its standardized value, as the text of "
        f"the file and as the rule it broke. stg_{feed} and stg_{feed}_issues read it."
    )


def _of_elements(contract: Contract, array: ArrayTable) -> str:
    name = array.name.removeprefix(f"{contract.feed}__").replace("__", ".")
    return (
        f"One row per element of the {name} of the live records of the {contract.feed} feed, each contract column as "
        "its standardized value, as the text of the file and as the rule it broke."
    )


def _values(columns: Iterable[Column]) -> Iterator[tuple[str, str, str]]:
    """Name, type and description of what a base model makes of each column: value, text, and the rule it broke."""
    text = "varchar(65535)"
    for column in columns:
        name = column.name
        yield name, text if column.data_type == "text" else column.data_type, f"{name}, standardized."
        yield f"{name}_raw", text, f"{name} as it stood in the file."
        yield f"{name}_issue", text, f"The rule that {name} broke; null when it broke none."


def _lineage(positions: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    yield "first_delivered_at", "timestamp", '"When the record\'s content was first delivered (UTC)."'
    documents = {"_load_id": "load_id", "_row_number": "row_number"} | dict.fromkeys(positions, "position")
    for name, document in documents.items():
        yield name, "bigint", f"\"{{{{ doc('{document}') }}}}\""
