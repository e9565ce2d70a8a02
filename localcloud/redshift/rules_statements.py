"""What Redshift refuses in a statement that defines, changes or moves data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from localcloud.redshift import names
from localcloud.redshift.rules_queries import Finding
from localcloud.redshift.tokens import Statement

# The kinds of objects that PostgreSQL makes and Redshift does not have.
_UNKNOWN_OBJECTS = {
    "aggregate", "collation", "conversion", "domain", "event", "extension", "foreign", "operator", "policy",
    "publication", "recursive", "rule", "sequence", "server", "statistics", "subscription", "tablespace", "text",
    "trigger", "type", "unlogged",
}  # fmt: skip
_UNKNOWN_COMMANDS = {
    "checkpoint", "cluster", "discard", "do", "listen", "load", "notify", "reassign", "reindex", "release",
    "savepoint", "security", "unlisten",
}  # fmt: skip
_TABLE_OPTIONS = (
    ("on", "commit"), ("partition", "by"), ("partition", "of"), ("inherits", "("), ("with", "("), ("tablespace",),
    ("using",),
)  # fmt: skip
# `alter table t alter distkey c`: what Redshift changes of a table by this word.
_TABLE_ATTRIBUTES = {"compound", "distkey", "diststyle", "encode", "interleaved", "sortkey"}
_DML = ("insert", "update", "delete", "merge")


def definition(statement: Statement) -> bool:
    """Whether this statement names the types of columns."""
    return statement.word(0) in ("create", "alter")


def type_places(statement: Statement) -> Iterator[int]:
    """The indices at which the name of a type stands."""
    if statement.word(0) == "copy":
        return
    cast_openings = [index + 1 for word in ("cast", "try_cast") for index in statement.find(word, "(")]
    for index in statement.find("::"):
        yield index + 1
    for opening in cast_openings:
        yield from (index + 1 for index in statement.inside(opening) if statement.word(index) == "as")
    for index in range(len(statement.tokens) - 1):
        if statement.tokens[index].is_name and statement.tokens[index + 1].kind == "string":
            yield index
    yield from column_type_places(statement)
    yield from _parameter_type_places(statement)


def _parameter_type_places(statement: Statement) -> Iterator[int]:
    """The types in `prepare name (type, ...)` and `create function name (name type, ...) returns type`."""
    opening = next(statement.find("("), None)
    if opening is not None and statement.word(0) == "prepare":
        yield from (first for first, _last in statement.arguments(opening))
    elif opening is not None and is_routine(statement):
        yield from (last - 1 for _first, last in statement.arguments(opening))
        yield from (index + 1 for index in statement.find("returns"))


def is_routine(statement: Statement) -> bool:
    """Whether the statement makes a function or a procedure."""
    kind = statement.word(3) if statement.words_at(1, "or", "replace") else statement.word(1)
    return statement.word(0) == "create" and kind in ("function", "procedure")


def column_type_places(statement: Statement) -> Iterator[int]:
    """The indices of the types in `create table (name type, ...)` and `alter table ... add column name type`."""
    columns = column_list(statement)
    if columns is not None:
        for first, _last in statement.arguments(columns):
            if first + 1 < len(statement.tokens) and statement.tokens[first].is_name:
                yield first + 1
    elif statement.words_at(0, "alter", "table"):
        for index in statement.inside(-1):
            if statement.word(index) == "add":
                yield index + (3 if statement.word(index + 1) == "column" else 2)
            elif statement.word(index) == "type":
                yield index + 1


def column_list(statement: Statement) -> int | None:
    """The index of the parenthesis that opens the columns of a `create table`, None where there is none.

    `create table t (a, b) as select` names columns without types; it has none either.
    """
    if statement.word(0) != "create" or "table" not in [statement.word(index) for index in range(1, 5)]:
        return None
    outside = list(statement.inside(-1))
    if any(statement.word(index) == "as" for index in outside):
        return None
    return next((index for index in outside if statement.word(index) == "("), None)


def unsupported_type(statement: Statement) -> Iterator[Finding]:
    casts = (index for index in statement.calls if len(statement.arguments(index + 1)) == 1)
    for index in sorted({*map(partial(_behind_catalog, statement), type_places(statement)), *casts}):
        name = statement.tokens[index].text if index < len(statement.tokens) and statement.tokens[index].is_name else ""
        if name in names.TYPES and (statement.word(index - 1) != "." or statement.is_of_catalog(index)):
            yield index, f"{name}: {names.TYPES[name]}"


def _behind_catalog(statement: Statement, index: int) -> int:
    return index + 2 if index + 2 < len(statement.tokens) and statement.is_of_catalog(index + 2) else index


def array(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("["):
        if statement.word(index - 1) == "array":
            yield index - 1, ""
        elif statement.word(index + 1) == "]" and index > 0:
            yield index, ""
    yield from ((index, "") for index in statement.find("array", "(", "select"))
    # Of a size, or by the word.
    for index in set(type_places(statement)):
        after = index + 1
        while statement.word(after) in ("precision", "varying"):
            after += 1
        if statement.word(after) == "(":
            after = statement.closing[after] + 1
        if statement.word(after) == "array" or (statement.word(after) == "[" and statement.word(after + 1) != "]"):
            yield after, ""


def type_size(statement: Statement) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html"""
    for index in type_places(statement):
        size = index + (2 if statement.words_at(index, "character", "varying") else 1)
        if statement.word(size) != "(" or size + 1 >= len(statement.tokens):
            continue
        number = statement.tokens[size + 1]
        most = {"varchar": 65535, "character": 65535, "char": 4096, "numeric": 38, "decimal": 38}
        limit = most.get(statement.word(index))
        if limit and number.kind == "number" and number.text.isdigit() and int(number.text) > limit:
            yield size + 1, f"{statement.word(index)}: at most {limit}"


def on_conflict(statement: Statement) -> Iterator[Finding]:
    yield from ((index, "") for index in statement.find("on", "conflict"))


def returning(statement: Statement) -> Iterator[Finding]:
    if not any(True for word in _DML for _ in statement.find(word)):
        return
    for index in statement.find("returning"):
        is_name = statement.word(index - 1) in ("set", ",", ".", "(", "as", "into", "from", "update", "where", "and")
        ends = statement.word(index + 1) in ("=", ",", ")", ".") or index + 1 == len(statement.tokens)
        if not is_name and not ends:
            yield index, ""


def table_if_not_exists_as(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) == "create" and column_list(statement) is None:
        for index in statement.find("table", "if", "not", "exists"):
            if any(statement.word(place) == "as" for place in statement.inside(-1)):
                yield index, ""


def replace_table(statement: Statement) -> Iterator[Finding]:
    if statement.words_at(0, "create", "or", "replace") and "table" in [statement.word(i) for i in range(3, 6)]:
        yield 1, ""


def modifying_expression(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("as", "("):
        if statement.word(index + 2) in _DML:
            yield index + 2, ""
        elif statement.word(index + 2) == "with":
            yield from ((place, "") for place in _changes_behind_with(statement, index + 1))


def with_before_change(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) == "with":
        yield from ((index, statement.word(index)) for index in _changes_behind_with(statement, -1))


def _changes_behind_with(statement: Statement, opening: int) -> Iterator[int]:
    for index in statement.inside(opening):
        if statement.word(index) in _DML and statement.word(index - 1) == ")":
            yield index


def generated_column(statement: Statement) -> Iterator[Finding]:
    if definition(statement):
        yield from ((index, "") for index in statement.find("generated", "always"))


def check_constraint(statement: Statement) -> Iterator[Finding]:
    if definition(statement):
        yield from ((index, "") for index in statement.find("check", "("))
        yield from ((index, "") for index in statement.find("exclude", "using"))


def index_statement(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) in ("create", "drop", "alter", "reindex"):
        for place in statement.find("index"):
            if place <= 3 and statement.word(place - 1) in ("create", "drop", "alter", "unique", "reindex"):
                yield place, ""


def unknown_object(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) in ("create", "drop", "alter"):
        place = 3 if statement.words_at(1, "or", "replace") else 1
        place += statement.word(place) in ("temp", "temporary")
        kind = statement.word(place)
        if kind in _UNKNOWN_OBJECTS:
            yield 0, f"{statement.word(0)} {kind}"


def unknown_command(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) in _UNKNOWN_COMMANDS or statement.words_at(0, "rollback", "to"):
        yield 0, statement.word(0)
    if statement.words_at(0, "explain", "analyze") or statement.words_at(0, "explain", "("):
        yield 1, "explain analyze"


def table_option(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) != "create" or "table" not in [statement.word(index) for index in range(1, 4)]:
        return
    for place in statement.inside(-1):
        if statement.word(place) == "as":
            return
        for phrase in _TABLE_OPTIONS:
            if statement.words_at(place, *phrase):
                yield place, " ".join(phrase).rstrip(" (")


def copy_stream(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) == "copy":
        for word in ("stdin", "stdout", "program"):
            yield from ((place, "") for place in statement.find(word) if statement.word(place - 1) in ("from", "to"))
        if statement.word(1) == "(":
            yield 1, ""


def truncate_option(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) == "truncate":
        for place in statement.inside(-1):
            if statement.word(place) in (",", "cascade", "restart", "restrict", "only"):
                yield place, ""


def alter_column(statement: Statement) -> Iterator[Finding]:
    if not statement.words_at(0, "alter", "table"):
        return
    for place in statement.inside(-1):
        after = place + (2 if statement.word(place + 1) == "column" else 1)
        if place == 0 or statement.word(place) != "alter" or statement.word(after) in _TABLE_ATTRIBUTES:
            continue
        to_varchar = statement.word(after + 1) == "type" and statement.word(after + 2) in ("varchar", "character")
        if not to_varchar and statement.word(after + 1) != "encode":
            yield place, ""


def several_actions(statement: Statement) -> Iterator[Finding]:
    if statement.words_at(0, "alter", "table"):
        encodings = any(statement.word(place) == "encode" for place in statement.inside(-1))
        for place in statement.inside(-1):
            if statement.word(place) == "," and not (encodings and statement.word(place + 1) == "alter"):
                yield place, ""


def alter_if_exists(statement: Statement) -> Iterator[Finding]:
    if statement.words_at(0, "alter", "table"):
        for word in ("table", "column", "add", "drop"):
            for phrase in ((word, "if", "exists"), (word, "if", "not", "exists")):
                yield from ((place + 1, "") for place in statement.find(*phrase))
        yield from ((2, "only") for _ in statement.find("table", "only"))


def lock_mode(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) == "lock":
        for place in statement.inside(-1):
            if statement.word(place) in ("in", "nowait") and place > 1 and statement.word(place - 1) != ".":
                yield place, ""


def several_columns_set(statement: Statement) -> Iterator[Finding]:
    yield from ((place + 1, "") for place in statement.find("set", "(") if statement.word(0) in ("update", "merge"))


def merge_condition(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) == "merge":
        yield from ((place, "") for place in statement.find("matched", "and"))
        yield from ((place, "") for place in statement.find("do", "nothing"))


def scroll_cursor(statement: Statement) -> Iterator[Finding]:
    if statement.word(0) == "declare":
        for word in ("scroll", "insensitive", "binary", "hold"):
            places = [place for place in statement.inside(-1) if place < 6 and statement.word(place) == word]
            yield from ((place, word) for place in places)
