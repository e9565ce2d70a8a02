"""What Redshift means by a statement: sizes, keys, views, transactions, functions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from redshift_connector.error import Error

from tests.redshift.endpoint import Endpoint
from tests.redshift.protocol.queries import refusal, rows


def test_varchar_counts_bytes_in_every_way_to_write_a_row(connection: Any, schema: str) -> None:
    rows(connection, f"create table {schema}.narrow (a varchar(4), b char(2))")
    rows(connection, f"insert into {schema}.narrow values ('éé', 'ab')")
    for sql in (
        f"insert into {schema}.narrow values ('ééé', 'ab')",
        f"insert into {schema}.narrow select 'abcde', 'ab'",
        f"update {schema}.narrow set a = 'éée'",
    ):
        fields = refusal(connection, sql)
        assert fields["C"] == "22001"
        assert "value too long for type character varying" in fields["M"]
    rows(connection, f"alter table {schema}.narrow alter column a type varchar(6)")
    rows(connection, f"insert into {schema}.narrow values ('ééé', 'ab')")
    rows(connection, f"alter table {schema}.narrow add column c varchar(2) encode raw")
    assert refusal(connection, f"insert into {schema}.narrow values ('a', 'b', 'éé')")["C"] == "22001"


def test_types_without_a_size_have_redshifts(connection: Any, schema: str) -> None:
    rows(connection, f"create table {schema}.sizes (a varchar, b text, c numeric, d varchar(max), e character varying)")
    sql = f"select type from pg_table_def where schemaname = '{schema}' and tablename = 'sizes'"
    # Redshift lists a table only when its schema is in the search path.
    rows(connection, f"set search_path to {schema}")
    assert [row[0] for row in rows(connection, sql)] == [
        "character varying(256)",
        "character varying(256)",
        "numeric(18,0)",
        "character varying(65535)",
        "character varying(256)",
    ]
    assert rows(connection, "select 2.7::numeric, cast('3.4' as decimal)") == [[Decimal(3), Decimal(3)]]


def test_keys_are_kept_and_shown_and_not_enforced(connection: Any, schema: str) -> None:
    rows(connection, f"create table {schema}.parents (id int primary key)")
    rows(
        connection,
        f"create table {schema}.keyed (id bigint not null, parent int references {schema}.parents (id), "
        "name varchar(10) unique, primary key (id)) diststyle key distkey (id) compound sortkey (parent, id)",
    )
    rows(connection, f"insert into {schema}.keyed values (1, 99, 'a'), (1, 99, 'a')")
    rows(connection, f"set search_path to {schema}")
    sql = 'select "column", distkey, sortkey, "notnull" from pg_table_def where tablename = \'keyed\''
    assert rows(connection, sql) == [["id", True, 2, True], ["parent", False, 1, False], ["name", False, 0, False]]
    assert refusal(connection, f"insert into {schema}.keyed values (null, 1, 'b')")["C"] == "23502"


def test_a_table_that_is_rolled_back_leaves_no_keys(harness: Endpoint, schema: str) -> None:
    connection = harness.connect()
    rows(connection, f"create table {schema}.undone (id int primary key) distkey (id)")
    assert rows(connection, "select tablename from pg_indexes where tablename = 'undone'") == [["undone"]]
    connection.rollback()
    assert rows(connection, "select tablename from pg_indexes where tablename = 'undone'") == []
    connection.close()


def test_the_planner_knows_what_a_query_has_filled(harness: Endpoint, connection: Any, schema: str) -> None:
    rows(connection, f"create table {schema}.filled (a int)")
    rows(connection, f"insert into {schema}.filled (select 1 union all select 2)")
    rows(connection, f"create table {schema}.made as select * from {schema}.filled")
    known = f"select reltuples from pg_class where oid in ('{schema}.filled'::regclass, '{schema}.made'::regclass)"
    assert rows(connection, known) == [[2], [2]]


def test_identity_columns_number_the_rows(connection: Any, schema: str) -> None:
    rows(connection, f"create table {schema}.numbered (id bigint identity(0, 1), name varchar(10))")
    rows(connection, f"insert into {schema}.numbered (name) values ('a'), ('b')")
    assert len({row[0] for row in rows(connection, f"select id from {schema}.numbered")}) == 2


def test_truncate_commits_what_came_before_it(endpoint: Endpoint, schema: str) -> None:
    connection = endpoint.connect()
    rows(connection, f"create table {schema}.emptied (id int)")
    rows(connection, f"insert into {schema}.emptied values (1)")
    rows(connection, f"create table {schema}.before_truncate (id int)")
    rows(connection, f"truncate table {schema}.emptied")
    connection.rollback()
    assert rows(connection, f"select count(*) from {schema}.emptied") == [[0]]
    assert rows(connection, f"select count(*) from {schema}.before_truncate") == [[0]]
    connection.close()


def test_a_late_binding_view_outlives_the_table_below_it(connection: Any, schema: str) -> None:
    table, view = f"{schema}.below", f"{schema}.above"
    rows(connection, f"create table {table} as select 1 as id, 'it''s \\\\ a'::varchar(10) as name")
    rows(connection, f"create view {view} as select id, name || '\\\\' as name from {table} with no schema binding")
    assert rows(connection, f"select * from {view}") == [[1, "it's \\ a\\"]]
    rows(connection, f"drop table {table}")
    assert "does not exist" in refusal(connection, f"select * from {view}")["M"]
    rows(connection, f"create table {table} as select 2 as id, 'new'::varchar(10) as name, 3 as more")
    assert rows(connection, f"select * from {view}") == [[2, "new\\"]]
    rows(connection, f"alter table {view} rename to above_all")
    assert rows(connection, f"select id from {schema}.above_all") == [[2]]


def test_a_bound_view_goes_with_its_table(connection: Any, schema: str) -> None:
    rows(connection, f"create table {schema}.base (id int)")
    rows(connection, f"create view {schema}.bound as select id from {schema}.base")
    assert refusal(connection, f"drop table {schema}.base")["C"] == "2BP01"
    rows(connection, f"drop table {schema}.base cascade")
    assert "does not exist" in refusal(connection, f"select * from {schema}.bound")["M"]


def test_transactions_that_form_a_cycle_are_refused_as_redshift_refuses_them(harness: Endpoint, schema: str) -> None:
    # A real Redshift with snapshot isolation would take both: https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
    first, second = harness.connect(), harness.connect()
    rows(first, f"create table {schema}.left_side (id int)")
    rows(first, f"create table {schema}.right_side (id int)")
    first.commit()
    for connection, read, write in ((first, "left_side", "right_side"), (second, "right_side", "left_side")):
        rows(connection, f"select count(*) from {schema}.{read}")
        rows(connection, f"insert into {schema}.{write} values (1)")
    first.commit()
    with pytest.raises(Error) as caught:
        second.commit()
    fields = caught.value.args[0]
    assert (fields["C"], fields["M"]) == ("XX000", "1023")
    assert "Serializable isolation violation on table" in fields["D"]
    first.close()
    second.close()


def test_settings_of_redshift_can_be_set_and_shown(connection: Any) -> None:
    assert rows(connection, "show enable_case_sensitive_identifier") == [["off"]]
    rows(connection, "set query_group to 'nightly'")
    assert rows(connection, "show query_group") == [["nightly"]]
    rows(connection, "reset query_group")
    assert rows(connection, "show query_group") == [["default"]]


def test_quoted_names_are_folded_like_others(connection: Any, schema: str) -> None:
    rows(connection, f'create table {schema}."Folded" ("Id" int, "Name" varchar(3)) distkey ("Id")')
    rows(connection, f"insert into {schema}.folded (id, name) values (1, 'abc')")
    assert rows(connection, f'select "ID", "NAME" from "{schema}"."FOLDED"') == [[1, "abc"]]
    assert refusal(connection, f"insert into {schema}.folded values (1, 'éé')")["C"] == "22001"


def test_show_lists_schemas_tables_and_columns(connection: Any, schema: str, endpoint: Endpoint) -> None:
    database = endpoint.database
    rows(connection, f"create table {schema}.shown (id bigint not null, name varchar(7)) diststyle all")
    cursor = connection.cursor()
    cursor.execute(f"show tables from schema {database}.{schema} like 'shown'")
    assert [column[0] for column in cursor.description][:4] == [
        "database_name",
        "schema_name",
        "table_name",
        "table_type",
    ]
    assert [row[:4] for row in cursor.fetchall()] == [[database, schema, "shown", "TABLE"]]
    assert rows(connection, f"show schemas from database {database} like '{schema}'")[0][1] == schema
    columns = rows(connection, f"show columns from table {database}.{schema}.shown")
    assert [(row[3], row[7], row[8]) for row in columns] == [("id", "bigint", None), ("name", "character varying", 7)]


def test_a_boolean_is_not_cast_to_text(connection: Any) -> None:
    for expression in ("true::varchar", "cast(1 = 1 as varchar(5))"):
        assert "cannot cast type boolean to character varying" in refusal(connection, f"select {expression}")["M"]
    assert rows(connection, "select true::int") == [[1]]


def test_a_statement_over_16_megabytes_is_refused(connection: Any) -> None:
    assert "16" in refusal(connection, f"select '{'x' * (16 << 20)}'")["M"]


EXPRESSIONS: list[tuple[str, Any]] = [
    ("dateadd(month, 1, date '2024-01-31')", datetime(2024, 2, 29)),
    ("dateadd(quarter, -1, timestamp '2024-01-31 10:00:00')", datetime(2023, 10, 31, 10)),
    ("datediff(day, date '2024-02-28', date '2024-03-01')", 2),
    ("datediff(month, date '2024-01-31', date '2024-02-01')", 1),
    ("datediff(year, timestamp '2023-12-31 23:59:59', timestamp '2024-01-01 00:00:00')", 1),
    ("datediff(hour, timestamp '2024-01-01 00:59:59', timestamp '2024-01-01 01:00:00')", 1),
    ("datediff('week', date '2024-01-06', date '2024-01-07')", 1),
    ("last_day(date '2024-02-10')", date(2024, 2, 29)),
    ("convert_timezone('America/New_York', timestamp '2024-07-01 12:00:00')", datetime(2024, 7, 1, 8)),
    ("nvl(null, 'x')", "x"),
    ("concat('a', null)", None),
    ("len('é')", 1),
    ("octet_length('é')", 2),
    ("charindex('b', 'abc')", 2),
    ("regexp_replace('a1b2', '[0-9]', '')", "ab"),
    ("regexp_substr('abc', '[0-9]')", ""),
    ("regexp_substr('abc1', '[0-9]')", "1"),
    ("split_part('a-b', '-', 2)", "b"),
    ("'a\\\\b'", "a\\b"),
    ("'a\\'b'", "a'b"),
    ("json_extract_path_text('{\"a\": {\"b\": 1}}', 'a', 'b')", "1"),
    ("json_extract_path_text('{\"a\": 1}', 'z')", ""),
    ("is_valid_json('{')", False),
    ("sha2('a', 256)", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
]


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS, ids=[expression for expression, _ in EXPRESSIONS])
def test_a_function_gives_what_redshifts_documentation_says(connection: Any, expression: str, value: Any) -> None:
    assert rows(connection, f"select {expression}") == [[value]]


def test_listagg_orders_and_leaves_doubles_out(connection: Any) -> None:
    source = "(select 'b' as a, 1 as g union all select 'a', 1 union all select 'b', 2) as t"
    for call, value in (
        ("listagg(a, ',') within group (order by a)", "a,b,b"),
        ("listagg(a) within group (order by a desc)", "bba"),
        ("listagg(distinct a, ',') within group (order by a)", "a,b"),
    ):
        assert rows(connection, f"select {call} from {source}") == [[value]]
    windowed = "listagg(a, ',') within group (order by a) over (partition by g)"
    assert rows(connection, f"select g, {windowed} from {source} order by g, a") == [[1, "a,b"], [1, "a,b"], [2, "b"]]


def test_the_clock_is_utc_and_has_no_zone(connection: Any) -> None:
    statement, transaction = rows(connection, "select getdate(), sysdate")[0]
    now = datetime.utcnow()
    for told in (statement, transaction):
        assert told.tzinfo is None
        assert abs((now - told).total_seconds()) < 60


def test_super_values_are_parsed_and_come_back_as_json(connection: Any, schema: str) -> None:
    rows(connection, f"create table {schema}.documents (body super)")
    rows(connection, f"insert into {schema}.documents select json_parse('{{\"a\": [1, 2]}}')")
    assert (
        rows(connection, f"select json_serialize(body) from {schema}.documents")[0][0].replace(" ", "") == '{"a":[1,2]}'
    )
    cursor = connection.cursor()
    cursor.execute(f"select body from {schema}.documents")
    assert cursor.description[0][1] == 4000
