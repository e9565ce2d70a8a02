"""Statements of Redshift as PostgreSQL takes them: edits at tokens, the rest of the text untouched."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from localcloud.redshift.edits import Edit, apply, before, over
from localcloud.redshift.rewrite_functions import functions
from localcloud.redshift.rewrite_session import settings, show
from localcloud.redshift.rules_statements import column_list, column_type_places, type_places
from localcloud.redshift.tokens import Statement, Token

# Types by another name, and the size that Redshift gives one without: https://docs.aws.amazon.com/redshift/latest/dg/
# r_Character_types.html and r_Numeric_types201.html.
_TYPE_NAMES = {"nvarchar": "varchar", "nchar": "char", "varbyte": "bytea", "varbinary": "bytea", "super": "jsonb"}
_SIZED_TYPES = {"varchar", "nvarchar", "character"}
_COLUMN_SIZES = {"varchar": "varchar(256)", "nvarchar": "varchar(256)", "text": "varchar(256)", "bpchar": "char(256)"}
_DISTRIBUTION_STYLES = {"all", "auto", "even", "key"}


@dataclass
class TableKeys:
    """What Redshift keeps of a table and does not enforce: distribution, sort keys, and constraints."""

    style: str = "auto"
    distribution: str = ""
    sort: tuple[str, ...] = ()
    primary: tuple[str, ...] = ()
    others: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rewritten:
    """What PostgreSQL gets, what was changed (for the log), the keys that a `create table` has named, and the table
    that the rows of a query go to."""

    sql: str
    applied: tuple[str, ...] = ()
    keys: TableKeys | None = None
    table: str = ""
    filled: str = ""


def rewrite(statement: Statement) -> Rewritten:
    """The statement as PostgreSQL takes it; one that is broken stays as it is, and PostgreSQL says what is wrong."""
    try:
        return _rewrite(statement)
    except (IndexError, KeyError, ValueError):
        return Rewritten(statement.source(0, len(statement.tokens)), ("not understood and left as it is",))


def _rewrite(statement: Statement) -> Rewritten:
    keys = TableKeys()
    edits = [*_types(statement), *settings(statement), *_statement_words(statement), *_lower_case(statement)]
    edits += [*_table_attributes(statement, keys), *_columns(statement, keys), *functions(statement)]
    table = _created_table(statement)
    return Rewritten(
        apply(statement, edits),
        tuple(_told(statement, edit) for edit in sorted(edits, key=lambda edit: edit.start)),
        keys if table and keys != TableKeys() else None,
        table,
        _filled_table(statement),
    )


def _told(statement: Statement, edit: Edit) -> str:
    before = " ".join(statement.sql[edit.start : edit.end].split())
    return f"{before or 'nothing'} -> {edit.text.strip() or 'nothing'}"


def _lower_case(statement: Statement) -> Iterator[Edit]:
    """Quoted names are folded too: https://docs.aws.amazon.com/redshift/latest/dg/r_names.html"""
    for token in statement.tokens:
        source = statement.sql[token.start : token.end]
        if token.kind == "quoted" and source != source.lower():
            yield over(token, token, source.lower())


def _types(statement: Statement) -> Iterator[Edit]:
    in_columns = set(column_type_places(statement))
    for index in sorted(set(type_places(statement))):
        if index >= len(statement.tokens):
            continue
        token, word = statement.tokens[index], statement.word(index)
        varying = statement.words_at(index, "character", "varying")
        after = index + (2 if varying else 1)
        if word in _SIZED_TYPES and statement.words_at(after, "(", "max", ")"):
            yield over(token, statement.tokens[after + 2], "varchar(65535)")
        elif statement.word(after) == "(":
            if word in _TYPE_NAMES:
                yield over(token, token, _TYPE_NAMES[word])
        elif word in ("numeric", "decimal", "dec"):
            yield over(token, token, f"{word}(18, 0)")
        elif index in in_columns and varying:
            yield over(token, statement.tokens[after - 1], "varchar(256)")
        elif index in in_columns and word in _COLUMN_SIZES:
            yield over(token, token, _COLUMN_SIZES[word])
        elif word in _TYPE_NAMES:
            yield over(token, token, _TYPE_NAMES[word])


def _statement_words(statement: Statement) -> Iterator[Edit]:
    """Words of single statements."""
    if shown := show(statement):
        yield over(statement.tokens[0], statement.tokens[-1], shown)
    elif statement.words_at(0, "vacuum"):
        # It takes parameters of its own, and reorganizes what is not organized so here.
        yield over(statement.tokens[0], statement.tokens[-1], "select 1 where false")
    elif statement.words_at(0, "analyze", "compression"):
        yield over(statement.tokens[0], statement.tokens[-1], "select 1 where false")
    elif statement.word(0) == "lock" and statement.word(1) != "table":
        yield Edit(statement.tokens[1].start, statement.tokens[1].start, "table ")
    elif statement.word(0) in ("create", "drop") and "schema" in (statement.word(1),):
        yield from _schema_name(statement)
    elif statement.words_at(0, "delete") and statement.word(1) != "from":
        yield Edit(statement.tokens[1].start, statement.tokens[1].start, "from ")


def _schema_name(statement: Statement) -> Iterator[Edit]:
    """`create schema database.schema`: the database is the one we are in."""
    for dot in statement.find("."):
        yield over(statement.tokens[dot - 1], statement.tokens[dot], "")
        return


def _created_table(statement: Statement) -> str:
    """The name in a `create table`, as it is written; empty for another statement."""
    if statement.word(0) != "create":
        return ""
    table = next((index for index in range(1, 4) if statement.word(index) == "table"), None)
    if table is None:
        return ""
    return _name_at(statement, table + (4 if statement.words_at(table + 1, "if", "not", "exists") else 1))


def _filled_table(statement: Statement) -> str:
    """The name of the table that an `insert` or a `create table as` fills with the rows of a query, folded."""
    if not any(statement.find("select")):
        return ""
    return (_name_at(statement, 2) if statement.words_at(0, "insert", "into") else _created_table(statement)).lower()


def _name_at(statement: Statement, first: int) -> str:
    last = first + 1
    while statement.word(last) == ".":
        last += 2
    return statement.source(first, last)


def _table_attributes(statement: Statement, keys: TableKeys) -> Iterator[Edit]:
    """Takes distribution, sort keys and BACKUP off a `create table` or a materialized view."""
    if statement.word(0) != "create" or not {"table", "materialized"} & {statement.word(i) for i in range(1, 4)}:
        return
    index, outside = 0, list(statement.inside(-1))
    while index < len(statement.tokens):
        if index not in outside or statement.word(index) == "as":
            index = index + 1 if statement.word(index) != "as" else len(statement.tokens)
            continue
        end = _attribute_end(statement, index, keys)
        if end > index:
            yield over(statement.tokens[index], statement.tokens[end - 1], "")
        index = max(end, index + 1)


def _attribute_end(statement: Statement, index: int, keys: TableKeys) -> int:
    """Reads the attribute that begins here into the keys; the index behind it, or the same one when there is none."""
    word, after = statement.word(index), statement.word(index + 1)
    if word == "diststyle" and after in _DISTRIBUTION_STYLES:
        keys.style = after
        return index + 2
    if word == "distkey" and after == "(":
        keys.style, keys.distribution = "key", _names(statement, index + 1)[0]
        return statement.closing[index + 1] + 1
    if word in ("compound", "interleaved") and after == "sortkey":
        return _attribute_end(statement, index + 1, keys)
    if word == "sortkey" and after == "(":
        keys.sort = _names(statement, index + 1)
        return statement.closing[index + 1] + 1
    if (word, after) in (("sortkey", "auto"), ("encode", "auto"), ("backup", "yes"), ("backup", "no")):
        return index + 2
    if (word, after) == ("auto", "refresh"):
        return index + 3
    return index


def _names(statement: Statement, opening: int) -> tuple[str, ...]:
    return tuple(statement.tokens[first].text for first, _last in statement.arguments(opening))


def _columns(statement: Statement, keys: TableKeys) -> Iterator[Edit]:
    """Takes off the columns of a `create table` what PostgreSQL does not know or would enforce."""
    opening = column_list(statement)
    if opening is None:
        yield from _altered_column(statement)
        return
    kept = 0
    for first, last in statement.arguments(opening):
        if _is_key(statement, first):
            _read_key(statement, first, last, keys)
            # With the comma before it, or the one behind it where nothing stands before.
            start = statement.tokens[first - 1].start if kept else statement.tokens[first].start
            comma = not kept and statement.word(last) == ","
            yield Edit(start, statement.tokens[last if comma else last - 1].end, "")
            continue
        kept += 1
        if statement.word(first) == "like":
            yield Edit(statement.tokens[last - 1].end, statement.tokens[last - 1].end, " including constraints")
        else:
            yield from _column(statement, first, last, keys)


def _is_key(statement: Statement, first: int) -> bool:
    start = first + 2 if statement.word(first) == "constraint" else first
    return statement.word(start) in ("primary", "unique", "foreign") and statement.tokens[start].kind == "word"


def _read_key(statement: Statement, first: int, last: int, keys: TableKeys) -> None:
    start = first + 2 if statement.word(first) == "constraint" else first
    if statement.word(start) == "primary":
        keys.primary = _names(statement, start + 2)
    else:
        keys.others.append(statement.source(start, last))


def _altered_column(statement: Statement) -> Iterator[Edit]:
    """A new column, or a new size of a varchar, whose bytes are then counted anew."""
    if statement.words_at(0, "alter", "table"):
        for index in statement.find("type"):
            size = _varchar_size(statement, index + 1)
            if size and statement.words_at(index - 3, "alter", "column"):
                quoted = statement.tokens[index - 1].text.replace('"', '""')
                limit = f'drop constraint if exists "bytes of {quoted}", add constraint "bytes of {quoted}"'
                check = f' check (octet_length("{quoted}") <= {size}), '
                yield before(statement.tokens[index - 3], limit + check)
        for index in statement.inside(-1):
            if statement.word(index) == "add" and statement.word(index + 1) not in ("constraint", "primary", "unique"):
                first = index + (2 if statement.word(index + 1) == "column" else 1)
                yield from _column(statement, first, len(statement.tokens), TableKeys())


def _column(statement: Statement, first: int, last: int, keys: TableKeys) -> Iterator[Edit]:
    """One column: ENCODE, DISTKEY, SORTKEY and keys go, IDENTITY becomes PostgreSQL's, bytes are counted."""
    name = statement.tokens[first]
    index = first + 1
    while index < last:
        index += yield from _column_word(statement, index, name, keys)
    size = _varchar_size(statement, first + 1)
    if size:
        quoted = name.text.replace('"', '""')
        limit = f' constraint "bytes of {quoted}" check (octet_length("{quoted}") <= {size})'
        yield Edit(statement.tokens[last - 1].end, statement.tokens[last - 1].end, limit)


def _column_word(statement: Statement, index: int, name: Token, keys: TableKeys) -> Generator[Edit, None, int]:
    word, after, token = statement.word(index), statement.word(index + 1), statement.tokens[index]
    if word == "encode":
        yield over(token, statement.tokens[index + 1], "")
        return 2
    if word in ("distkey", "sortkey", "unique"):
        if word == "distkey":
            keys.style, keys.distribution = "key", name.text
        elif word == "sortkey":
            keys.sort = (name.text,)
        yield over(token, token, "")
    elif (word, after) == ("primary", "key"):
        keys.primary = (name.text,)
        yield over(token, statement.tokens[index + 1], "not null")
        return 2
    elif word == "references":
        end = index + 2
        while statement.word(end) == ".":
            end += 2
        end = statement.closing[end] + 1 if statement.word(end) == "(" else end
        yield over(token, statement.tokens[end - 1], "")
        return end - index
    elif word == "identity" and after == "(":
        generated = "" if statement.word(index - 1) == "as" else "generated by default as "
        seed, step = (statement.source(first, last) for first, last in statement.arguments(index + 1))
        end = statement.closing[index + 1]
        lowest = "minvalue -9223372036854775808"
        yield over(token, statement.tokens[end], f"{generated}identity (start {seed} increment {step} {lowest})")
        return end + 1 - index
    return 1


def _varchar_size(statement: Statement, index: int) -> str:
    """The size of a varchar column in bytes; empty for another type."""
    place = index + (2 if statement.words_at(index, "character", "varying") else 1)
    if statement.word(index) in _COLUMN_SIZES and statement.word(place) != "(":
        return "256" if statement.word(index) != "bpchar" else ""
    if statement.word(index) in _SIZED_TYPES and statement.word(place) == "(":
        size = statement.tokens[place + 1].text
        return "" if size == "max" else size
    return ""
