"""Late-binding views: `create view ... with no schema binding`.

The query becomes the body of a function, which PostgreSQL reads when it is called and depends on nothing; the view
selects from it, and the planner inlines it. So a table below may be dropped and made anew, as in Redshift. Unlike
there, the tables must exist when the view is made: its columns are asked of them.
https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html
"""

from __future__ import annotations

import uuid

from localcloud.redshift.backend import Backend
from localcloud.redshift.rewrite import rewrite
from localcloud.redshift.sql_text import literal, quoted
from localcloud.redshift.tokens import Statement, statements

_ENDING = ("with", "no", "schema", "binding")


def is_late_binding(statement: Statement) -> bool:
    """Whether the statement makes such a view."""
    return statement.word(0) == "create" and statement.words_at(len(statement.tokens) - 4, *_ENDING)


async def create_late_binding(backend: Backend, statement: Statement) -> str:
    """Makes the view and the function behind it."""
    start = next(index for index in statement.inside(-1) if statement.word(index) == "as")
    query = statement.source(start + 1, len(statement.tokens) - 4)
    query = rewrite(statements(query)[0]).sql
    columns = await backend.describe(query)
    pairs = ", ".join(f"({column.oid}, {column.modifier})" for column in columns)
    types = [str(row[0]) for row in await backend.run(f"select format_type(o, m) from (values {pairs}) as t (o, m)")]
    names = [quoted(column.name) for column in columns]
    function = f"redshift.late_binding_{uuid.uuid4().hex}"
    returned = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=True))
    await backend.run(
        f"create function {function}() returns table ({returned}) language sql stable as {literal(query)}"
    )
    selected = ", ".join(f"{name}::{kind} as {name}" for name, kind in zip(names, types, strict=True))
    # The view itself keeps sizes and scales, which a function's columns lose.
    await backend.run(f"{statement.source(0, start)} as select {selected} from {function}()")
    return "CREATE VIEW"
