"""Writes what follows from the contracts: `python -m loaders.generate [--check]`.

- `dbt_project/models/staging/sources.yml`: the raw and ops tables as dbt sources, the contracts' rules as `meta`.
- `dbt_project/macros/contracts.sql`: the same rules as a macro for the models; dbt's unit tests cannot see `meta`.
- `dbt_project/models/staging/base/base_<table>.{sql,yml}`: the models that read the raw tables by these rules.
- `loaders/schema/{rds,redshift}.sql`: DDL of every table of the loaders, for both databases.
- `infra/cloudformation/feeds.yaml`: an alarm for each feed that is late.

`--check` writes nothing and exits 1 when a file is out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from loaders.base_models import base_models
from loaders.contract import ArrayTable, Column, Contract, load_contracts
from loaders.feed_alarms import feeds_template
from loaders.ops_tables import COPIED, OPS_TABLES, SEQUENCES
from loaders.tables import (
    Dialect,
    Table,
    array_table,
    arrays_of,
    index_ddl,
    position_of,
    quoted,
    raw_table,
    raw_tables,
    table_ddl,
)

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = Path("dbt_project/models/staging/sources.yml")
MACRO = Path("dbt_project/macros/contracts.sql")
ALARMS = Path("infra/cloudformation/feeds.yaml")
SCHEMAS: Mapping[Dialect, Path] = {
    "rds": Path("loaders/schema/rds.sql"),
    "redshift": Path("loaders/schema/redshift.sql"),
}
HEADER = "Generated from contracts/ by `python -m loaders.generate`; do not edit."


def generated(contracts: Mapping[str, Contract]) -> dict[Path, str]:
    """Every generated file by its path in the project, with the text it should hold."""
    raw = [table for contract in contracts.values() for table in raw_tables(contract)]
    tables: Mapping[Dialect, list[Table]] = {"rds": [*raw, *OPS_TABLES], "redshift": [*raw, *COPIED]}
    files = {path: _schema_sql(tables[dialect], dialect) for dialect, path in SCHEMAS.items()}
    files |= {SOURCES: _sources_yaml(contracts.values()), MACRO: _contracts_macro(contracts.values())}
    files |= base_models(contracts.values(), HEADER)
    return {**files, ALARMS: feeds_template(contracts.values(), HEADER)}


def outdated(project: Path, files: Mapping[Path, str]) -> list[Path]:
    """Those files that are missing or hold something else."""
    return [
        path for path, text in files.items() if not (project / path).exists() or (project / path).read_text() != text
    ]


def _schema_sql(tables: Iterable[Table], dialect: Dialect) -> str:
    return f"-- {HEADER}\n\n" + "\n\n".join(f"{statement};" for statement in _statements(tables, dialect)) + "\n"


def _statements(tables: Iterable[Table], dialect: Dialect) -> Iterator[str]:
    # Quoted: `raw` is a reserved word in Redshift.
    yield from (f"create schema if not exists {quoted(schema)}" for schema in ("raw", "ops"))
    if dialect == "rds":
        yield from (f"create sequence if not exists {sequence}" for sequence in SEQUENCES)
    for table in tables:
        yield table_ddl(table, dialect)
        if dialect == "rds":
            yield from (statement for _, statement in index_ddl(table))


def _sources_yaml(contracts: Iterable[Contract]) -> str:
    raw = {
        "name": "raw",
        "schema": "raw",
        "description": "What the loaders landed: every accepted record as text, exactly as it stood in its file.",
        "tables": [source for contract in contracts for source in (_raw_source(contract), *_array_sources(contract))],
    }
    ops = {
        "name": "ops",
        "schema": "ops",
        "description": "What happened: deliveries, loads, rejects and runs, written by the loaders.",
        "tables": [_source(table) for table in OPS_TABLES if table.name not in ("lease", "migrations")],
    }
    text: str = yaml.dump({"version": 2, "sources": [raw, ops]}, sort_keys=False, allow_unicode=True, width=110)
    return f"# {HEADER}\n{text}"


def _raw_source(contract: Contract) -> dict[str, Any]:
    freshness = contract.freshness
    # A literal feed name and no Jinja: the query must read the same on both databases.
    delivered = f"select max(delivered_at) from ops.deliveries where feed = '{contract.feed}' and load_id is not null"
    source = _source(raw_table(contract))
    columns = source.pop("columns")
    source["config"] = {
        "loaded_at_query": delivered,
        "freshness": {
            "warn_after": {"count": freshness.warn_after_hours, "period": "hour"},
            "error_after": {"count": freshness.error_after_hours, "period": "hour"},
        },
        "meta": {
            "feed": contract.feed,
            "contract_version": contract.version,
            "owner": contract.owner,
            "key": list(contract.key),
            "delivery": contract.delivery,
            "on_rewrite": contract.on_rewrite,
        },
    }
    return {**source, "columns": _with_meta(columns, contract.columns)}


def _array_sources(contract: Contract) -> Iterator[dict[str, Any]]:
    for array, around in arrays_of(contract.arrays):
        source = _source(array_table(contract, array, around))
        columns = source.pop("columns")
        source["config"] = {"meta": {"feed": contract.feed, "contract_version": contract.version}}
        yield {**source, "columns": _with_meta(columns, (*contract.key_columns, *array.columns))}


def _with_meta(entries: list[dict[str, Any]], columns: Iterable[Column]) -> list[dict[str, Any]]:
    known = {column.name: column for column in columns}
    for entry in entries:
        if entry["name"] in known:
            entry["config"] = {"meta": _column_meta(known[entry["name"]])}
    return entries


def _source(table: Table) -> dict[str, Any]:
    columns = [
        {"name": column.name, "description": column.description, "data_type": column.type} for column in table.columns
    ]
    return {"name": table.name, "description": table.description, "columns": columns}


def _column_meta(column: Column) -> dict[str, Any]:
    return {
        "source_name": column.source_name,
        "type": column.type,
        "data_type": column.data_type,
        "required": column.required,
        "letter_case": column.letter_case,
        "date_formats": list(column.date_formats),
        "empty_words": list(column.empty_words),
        "tolerated": {"missing": column.tolerated.missing, "invalid": column.tolerated.invalid},
        "rules": [
            {
                "name": rule.name,
                "check": rule.check,
                "value": list(rule.value) if isinstance(rule.value, tuple) else rule.value,
                "severity": rule.severity,
            }
            for rule in column.rules
        ],
    }


def _contracts_macro(contracts: Iterable[Contract]) -> str:
    feeds = "".join(_macro_feed(contract) for contract in contracts)
    head = (
        "{# Generated from contracts/*.odcs.yaml by `python -m loaders.generate`; edit the contracts, not this file. #}"
    )
    return f"{head}\n{{% macro contracts() %}}\n    {{{{ return({{\n{feeds}    }}) }}}}\n{{% endmacro %}}\n"


def _macro_feed(contract: Contract) -> str:
    arrays = "".join(_macro_array(contract, *found) for found in arrays_of(contract.arrays))
    nested = f"""            "arrays": {{
{arrays}            }},
"""
    return f"""        {json.dumps(contract.feed)}: {{
            {_macro_facts(_feed_facts(contract))},
            "columns": {{
{_macro_columns(contract.columns)}            }},
{nested if arrays else ""}        }},
"""


def _macro_array(contract: Contract, array: ArrayTable, around: tuple[ArrayTable, ...]) -> str:
    facts = {"feed": contract.feed, "key": list(contract.key), "positions": [*map(position_of, around), "_position"]}
    return f"""                {json.dumps(array.name)}: {{
                    {_macro_facts(facts)},
                    "columns": {{
{_macro_columns((*contract.key_columns, *array.columns), " " * 8)}                    }},
                }},
"""


def _macro_facts(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in facts.items())


def _macro_columns(columns: Iterable[Column], indent: str = "") -> str:
    return "".join(
        f"{indent}                {json.dumps(column.name)}: {json.dumps(_macro_column(column))},\n"
        for column in columns
    )


def _feed_facts(contract: Contract) -> dict[str, Any]:
    return {
        "version": contract.version,
        "delivery": contract.delivery,
        "on_rewrite": contract.on_rewrite,
        "key": list(contract.key),
    }


def _macro_column(column: Column) -> dict[str, Any]:
    """What models ask about a column. Jinja knows `true` and `false`, not `null`: what is null or empty is left out."""
    meta = _column_meta(column)
    rules = [{name: value for name, value in rule.items() if value is not None} for rule in meta["rules"]]
    optional = {name: meta[name] for name in ("date_formats", "letter_case") if meta[name]}
    always = {name: meta[name] for name in ("type", "data_type", "required", "empty_words", "tolerated")}
    return {**always, **optional, "rules": rules}


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m loaders.generate", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    check: bool = parser.parse_args(arguments).check
    files = generated(load_contracts())
    stale = outdated(PROJECT, files)
    for path in stale:
        print(f"{path} is out of date: run `python -m loaders.generate`" if check else f"wrote {path}")
        if not check:
            (PROJECT / path).parent.mkdir(parents=True, exist_ok=True)
            (PROJECT / path).write_text(files[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
