"""Every statement that the project sends to Redshift is in Redshift's dialect: told without a connection."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from loaders.contract import load_contracts
from loaders.load import redshift as copying
from loaders.load.redshift_plan import Batch
from loaders.migrate_redshift import migrate_redshift
from localcloud.settings import PROJECT
from tests.dbt.redshift_gate import compiled, objections, statements_of

WRONG = {
    "string_agg": ("unsupported_function", "select string_agg(feed, ',') as feeds from {{ source('ops', 'loads') }}"),
    "array_agg": ("unsupported_function", "select array_agg(feed) as feeds from {{ source('ops', 'loads') }}"),
    "distinct_on": (
        "distinct_on",
        "select distinct on (feed) feed, load_id from {{ source('ops', 'loads') }} order by feed",
    ),
    "filter": (
        "filter_clause",
        "select count(*) filter (where load_id > 1) as loads from {{ source('ops', 'loads') }}",
    ),
    "generate_series": ("unsupported_function", "select number from generate_series(1, 10) as numbers (number)"),
    "jsonb": ("unsupported_type", "select cast(feed as jsonb) as feed from {{ source('ops', 'loads') }}"),
    "lateral": (
        "lateral",
        "select a.feed from {{ source('ops', 'loads') }} as a cross join lateral (select a.load_id) as b",
    ),
    "unnest": ("unsupported_function", "select unnest(array[1, 2]) as number"),
    "window_without_rows": (
        "window_without_frame",
        "select sum(load_id) over (order by load_id) as total from {{ source('ops', 'loads') }}",
    ),
    "is_distinct_from": (
        "is_distinct_from",
        "select feed is distinct from 'sales' as other from {{ source('ops', 'loads') }}",
    ),
    "values_as_table": ("values_table", "select number from (values (1), (2)) as numbers (number)"),
    "fetch_first": ("fetch_first", "select feed from {{ source('ops', 'loads') }} fetch first 3 rows only"),
    "regexp_flags": (
        "regexp_flags",
        "select regexp_replace(feed, 'a', 'b', 'g') as feed from {{ source('ops', 'loads') }}",
    ),
    "concat_of_three": ("concat_arguments", "select concat(feed, '-', feed) as feed from {{ source('ops', 'loads') }}"),
    "uuid": ("unsupported_type", "select cast(feed as uuid) as feed from {{ source('ops', 'loads') }}"),
    "no_sql": ("PRS", "selec feed from {{ source('ops', 'loads') }}"),
    "reserved_word": ("reserved_word", "select feed from ops.loads cross join raw.sales"),
}
"""The rule that is broken, and plain PostgreSQL (or no SQL at all) as somebody would write it into a model."""

STATEMENTS = {
    "on_conflict": ("on_conflict", "insert into ops.loads (load_id) values (1) on conflict do nothing"),
    "returning": ("returning", "delete from ops.loads where load_id = 1 returning load_id"),
    "with_before_delete": ("with_before_change", "with old as (select 1 as load_id) delete from ops.loads using old"),
    "create_if_not_exists_as": ("table_if_not_exists_as", "create table if not exists a as select 1 as b"),
    "index": ("index", "create index a on ops.loads (load_id)"),
    "serial": ("unsupported_type", "create table a (b serial)"),
    "several_actions": ("several_actions", "alter table a add column b bigint, add column c bigint"),
}
"""The rule that is broken, and what a hook or the loader might send."""


def told(statements: dict[str, str]) -> dict[str, list[str]]:
    """What is to be said against each statement; parsing takes most of the time, hence two processes."""
    with ProcessPoolExecutor(2) as pool:
        found = dict(zip(statements, pool.map(objections, statements.values(), chunksize=4), strict=True))
    return {name: said for name, said in found.items() if said}


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The project's models and tests, and beside them those of WRONG, compiled for Redshift, by their unique ids."""
    project: Path = tmp_path_factory.mktemp("project")
    copytree(PROJECT / "dbt_project", project / "dbt_project")
    settings = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    # Hooks run queries while they are compiled; they are looked at by themselves.
    for hooks in ("on-run-start", "on-run-end"):
        del settings[hooks]
    (project / "dbt_project.yml").write_text(yaml.dump(settings), encoding="utf-8")
    (project / "dbt_project/models/wrong").mkdir()
    for name, (_, sql) in WRONG.items():
        model = "{{ config(contract={'enforced': false}) }}\n" + sql
        (project / f"dbt_project/models/wrong/wrong_{name}.sql").write_text(model, encoding="utf-8")
    return compiled(project, project / "target")


def test_every_model_and_test_compiles_to_redshifts_dialect(statements: dict[str, str]) -> None:
    own = {name: sql for name, sql in statements.items() if ".wrong_" not in name}
    assert len(own) > 50
    assert told(own) == {}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_sql_in_a_model_is_refused_by_name(name: str, statements: dict[str, str]) -> None:
    rule, _, message = objections(statements[f"model.xtage.wrong_{name}"])[0].partition(": ")
    assert rule == WRONG[name][0]
    assert message


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_wrong_statement_is_refused_by_name(name: str) -> None:
    rule, sql = STATEMENTS[name]
    assert objections(sql)[0].startswith(f"{rule}: ")


@pytest.mark.parametrize(
    "macro", ["create_analyst", "create_built", "admit_analyst", "take_turn", "keep_turn", "end_turn"]
)
def test_every_hook_is_in_redshifts_dialect(macro: str) -> None:
    assert [said for sql in statements_of(macro) for said in objections(sql)] == []


class Recorder:
    """A connection and its cursor that take every statement, find nothing, and keep them."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def cursor(self) -> "Recorder":
        return self

    def execute(self, statement: str, parameters: tuple[str, ...] = ()) -> None:
        self.statements.append(statement % tuple(f"'{value}'" for value in parameters))

    def fetchall(self) -> list[tuple[int, int]]:
        return [(0, 0)] if "(select" in self.statements[-1] else []

    def commit(self) -> None:
        pass


def test_everything_the_loaders_send_is_in_redshifts_dialect() -> None:
    recorder, batch = Recorder(), Batch({"sales": (1, 2), "products": (3,)}, (1, 2, 3))
    migrate_redshift(recorder, load_contracts())  # type: ignore[arg-type]
    copying._copied(recorder)  # type: ignore[arg-type]
    copying._check_counts(recorder, batch)  # type: ignore[arg-type]
    recorder.statements += list(copying.changes(batch))
    schema = (PROJECT / "loaders/schema/redshift.sql").read_text(encoding="utf-8")
    statements = {statement: statement for statement in [*recorder.statements, schema]}
    assert len(statements) > 20
    assert told(statements) == {}
