"""Settings of the session, and SHOW of schemas, tables and columns, which clients use for metadata.

https://docs.aws.amazon.com/redshift/latest/dg/r_SHOW_SCHEMAS.html, r_SHOW_TABLES.html, r_SHOW_COLUMNS.html
"""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.redshift.edits import Edit, over
from localcloud.redshift.sql_text import literal
from localcloud.redshift.tokens import Statement

# Settings of a session that PostgreSQL does not know, with what Redshift has when nobody sets them.
# https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_ConfigurationRef.html
SETTINGS = {
    "analyze_threshold_percent": "10",
    "auto_mv": "on",
    "describe_field_name_in_uppercase": "off",
    "downcase_delimited_identifier": "on",
    "enable_case_sensitive_identifier": "off",
    "enable_case_sensitive_super_attribute": "off",
    "enable_numeric_rounding": "off",
    "enable_result_cache_for_session": "on",
    "json_parse_truncate_strings": "off",
    "mv_enable_aqmv_for_session": "on",
    "navigate_super_null_on_error": "on",
    "query_group": "default",
    "wlm_query_slot_count": "1",
}
# What is shown, the words behind it, and the columns that the parts of the name behind those are compared with.
_SHOWN = {
    ("databases",): ("show_databases", ()),
    ("schemas", "from", "database"): ("show_schemas", ("database_name",)),
    ("tables", "from", "schema"): ("show_tables", ("database_name", "schema_name")),
    ("columns", "from", "table"): ("show_columns", ("database_name", "schema_name", "table_name")),
}
_NAMED = {"show_databases": "database_name", "show_schemas": "schema_name", "show_tables": "table_name"}


def show(statement: Statement) -> str | None:
    """The query that answers a SHOW; None when it is no such SHOW."""
    for words, (view, compared) in _SHOWN.items():
        if statement.words_at(0, "show", *words):
            return _query(statement, 1 + len(words), view, compared)
    return None


def _query(statement: Statement, place: int, view: str, compared: tuple[str, ...]) -> str:
    parts = []
    while place < len(statement.tokens) and statement.tokens[place].is_name and statement.word(place) != "like":
        parts.append(statement.tokens[place].text)
        place += 2 if statement.word(place + 1) == "." else 1
    # `schema` alone means the one of this database.
    conditions = [
        f"{column} = {literal(part)}" for column, part in zip(reversed(compared), reversed(parts), strict=False)
    ]
    if statement.word(place) == "like" and place + 1 < len(statement.tokens):
        name = _NAMED.get(view, "column_name")
        conditions.append(f"{name} like {literal(statement.tokens[place + 1].text)}")
    where = f" where {' and '.join(conditions)}" if conditions else ""
    return f"select * from redshift.{view}{where}"


def settings(statement: Statement) -> Iterator[Edit]:
    """Redshift's settings become settings of the harness, kept and shown."""
    name = 2 if statement.word(1) in ("session", "local") else 1
    if name >= len(statement.tokens) or statement.word(name) not in SETTINGS:
        return
    setting, place = statement.word(name), statement.tokens[name]
    if statement.word(0) in ("set", "reset"):
        yield Edit(place.start, place.end, f"redshift.{setting}")
    elif statement.word(0) == "show":
        value = f"coalesce(nullif(current_setting('redshift.{setting}', true), ''), '{SETTINGS[setting]}')"
        yield over(statement.tokens[0], statement.tokens[-1], f'select {value} as "{setting}"')
