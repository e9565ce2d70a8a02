"""Functions whose call is written in another way in PostgreSQL; the others are made in the database (`catalog.sql`)."""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.redshift.edits import Edit, after, before, over
from localcloud.redshift.tokens import Statement

# Their first argument is the name of a part of a date, as a bare word or as a string.
_DATE_FUNCTIONS = {"dateadd", "date_add", "datediff", "date_diff", "date_part_year"}
_FRAME = "rows between unbounded preceding and unbounded following"


def functions(statement: Statement) -> Iterator[Edit]:
    """The edits at called functions."""
    for index in statement.calls:
        name = statement.tokens[index].text
        if name in _DATE_FUNCTIONS:
            yield from _date_part(statement, index + 1)
        elif name == "json_serialize" and statement.word(index - 1) != ".":
            # Without its schema it is a piece of PostgreSQL's grammar.
            yield before(statement.tokens[index], "pg_catalog.")
        elif name == "nvl":
            yield over(statement.tokens[index], statement.tokens[index], "coalesce")
        elif name == "listagg":
            yield from _listagg(statement, index)
    for index in statement.find("sysdate"):
        if statement.word(index - 1) not in (".", "as") and statement.word(index + 1) != "(":
            yield after(statement.tokens[index], "()")


def _date_part(statement: Statement, opening: int) -> Iterator[Edit]:
    part = statement.tokens[opening + 1]
    if part.kind == "word" and statement.word(opening + 2) == ",":
        yield over(part, part, f"'{part.text}'")


def _listagg(statement: Statement, index: int) -> Iterator[Edit]:
    """`listagg(x, ',') within group (order by y)` becomes `string_agg((x)::text, ',' order by y)`.

    With OVER the order goes into the window: PostgreSQL orders no aggregate that is a window function.
    """
    opening, closing = index + 1, statement.closing[index + 1]
    arguments = statement.arguments(opening)
    first, last = arguments[0]
    first += statement.word(first) == "distinct"
    yield over(statement.tokens[index], statement.tokens[index], "string_agg")
    yield before(statement.tokens[first], "(")
    yield after(statement.tokens[last - 1], ")::text" if len(arguments) > 1 else ")::text, ''")
    group = closing + 3
    order, behind = "", closing + 1
    if statement.words_at(closing + 1, "within", "group", "("):
        order, behind = statement.source(group + 1, statement.closing[group]), statement.closing[group] + 1
        yield over(statement.tokens[closing + 1], statement.tokens[behind - 1], "")
    if statement.words_at(behind, "over", "("):
        yield before(statement.tokens[statement.closing[behind + 1]], f" {order} {_FRAME if order else ''}")
    elif order:
        yield before(statement.tokens[closing], f" {_text_order(statement, order, first, last)}")


def _text_order(statement: Statement, order: str, first: int, last: int) -> str:
    """With DISTINCT the order must be by the argument as it stands there, as text."""
    argument = statement.source(first, last)
    if statement.word(first - 1) == "distinct" and order.lower().replace("order by", "").strip() == argument.lower():
        return f"order by ({argument})::text"
    return order
