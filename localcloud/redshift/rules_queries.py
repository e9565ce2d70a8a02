"""What Redshift refuses in a query: each finder gives the indices of the tokens at which its rule is broken."""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.redshift import names
from localcloud.redshift.tokens import Statement

Finding = tuple[int, str]
"""Index of a token, and what to write instead; empty where the rule's own remedy says it all."""

_JSON_OPERATORS = {"->", "->>", "#>", "#>>", "#-", "@>", "<@", "@?", "@@", "?|", "?&"}
# What may follow a table and is not its alias.
_CLAUSES = {
    "cross", "except", "full", "group", "having", "inner", "intersect", "join", "left", "limit", "natural", "offset",
    "on", "order", "right", "union", "using", "where",
}  # fmt: skip
_BEFORE_NAMES = {"exists", "from", "into", "join", "schema", "table", "truncate", "update", "view"}
_SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}


def calls(statement: Statement, name: str) -> Iterator[int]:
    """The indices at which this function is called."""
    return (index for index in statement.calls if statement.tokens[index].text == name)


def unicode_escape(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("u", "&"):
        text = statement.tokens[index + 2] if index + 2 < len(statement.tokens) else None
        if text and text.kind in ("quoted", "string") and text.start == statement.tokens[index].start + 2:
            yield index, ""


def unsupported_function(statement: Statement) -> Iterator[Finding]:
    for index in statement.calls:
        name = statement.tokens[index].text
        if name in names.FUNCTIONS:
            yield index, f"{name}: {names.FUNCTIONS[name]}"
        elif name not in names.SUPPORTED_FUNCTIONS:
            family = next((prefix for prefix in names.FUNCTION_PREFIXES if name.startswith(prefix)), None)
            if family:
                yield index, f"{name}: {names.FUNCTION_PREFIXES[family]}"


def leader_node_function(statement: Statement) -> Iterator[Finding]:
    if not any(statement.find("from")) and statement.word(0) == "select":
        return
    called = set(statement.calls)
    for index, token in enumerate(statement.tokens):
        name = token.text
        bare = statement.word(index).startswith(("current_", "local")) and statement.word(index - 1) not in (".", "as")
        if name in names.LEADER_NODE_FUNCTIONS and (bare or index in called):
            yield index, f"{name}: {names.LEADER_NODE_FUNCTIONS[name]}"


def json_operator(statement: Statement) -> Iterator[Finding]:
    for operator in _JSON_OPERATORS:
        yield from ((index, f"operator {operator}") for index in statement.find(operator) if index > 0)
    for index in statement.find("?"):
        # By itself it stands for a parameter.
        if index + 1 < len(statement.tokens) and statement.tokens[index + 1].kind == "string":
            yield index, "operator ?"
    for phrase in (("is", "json"), ("is", "not", "json")):
        yield from ((index, "") for index in statement.find(*phrase))


def array_overlap(statement: Statement) -> Iterator[Finding]:
    yield from ((index, "") for index in statement.find("&&"))


def distinct_on(statement: Statement) -> Iterator[Finding]:
    yield from ((index, "") for index in statement.find("distinct", "on", "("))


def filter_clause(statement: Statement) -> Iterator[Finding]:
    yield from ((index + 1, "") for index in statement.find(")", "filter", "(", "where"))


def lateral(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("lateral"):
        if statement.word(index - 1) in ("join", ",", "from"):
            yield index, ""


def is_distinct_from(statement: Statement) -> Iterator[Finding]:
    for phrase in (("is", "distinct", "from"), ("is", "not", "distinct", "from")):
        yield from ((index, "") for index in statement.find(*phrase))


def window_without_frame(statement: Statement) -> Iterator[Finding]:
    for index, opening in _windows(statement):
        name = statement.tokens[index].text
        ordered = any(statement.words_at(place, "order", "by") for place in statement.inside(opening))
        if name in names.FRAMED_FUNCTIONS and ordered and _frame(statement, opening) is None:
            yield index, f"{name}(...)"


def range_frame(statement: Statement) -> Iterator[Finding]:
    for _index, opening in _windows(statement):
        frame = _frame(statement, opening)
        if frame is not None and statement.word(frame) != "rows":
            yield frame, ""
        yield from (
            (place, "") for place in statement.inside(opening) if statement.words_at(place, "exclude", "current")
        )


def _frame(statement: Statement, opening: int) -> int | None:
    """The index of the word that begins a window's frame."""
    for place in statement.inside(opening):
        bounds = statement.word(place + 1) in ("between", "unbounded", "current")
        if statement.word(place) in ("rows", "range", "groups") and (bounds or _is_number(statement, place + 1)):
            return place
    return None


def _is_number(statement: Statement, index: int) -> bool:
    return index < len(statement.tokens) and statement.tokens[index].kind == "number"


def named_window(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("over"):
        after = index + 1
        if statement.word(index - 1) == ")" and after < len(statement.tokens) and statement.tokens[after].is_name:
            yield index, ""
        elif statement.word(after) == "(" and _is_window_name(statement, after + 1):
            yield after + 1, ""


def _is_window_name(statement: Statement, index: int) -> bool:
    """`over (recent rows ...)`: a name first, and behind it what else a window may have."""
    if index >= len(statement.tokens) or not statement.tokens[index].is_name:
        return False
    return statement.word(index + 1) in ("order", "rows", "range", "groups", ")")


def _windows(statement: Statement) -> Iterator[tuple[int, int]]:
    """Each `name(...) over (...)`: the index of the name and that of the window's parenthesis."""
    for index in statement.calls:
        after = statement.closing[index + 1] + 1
        if statement.words_at(after, "ignore", "nulls") or statement.words_at(after, "respect", "nulls"):
            after += 2
        if statement.words_at(after, "over", "("):
            yield index, after + 1


def aggregate_order_by(statement: Statement) -> Iterator[Finding]:
    for index in statement.calls:
        name = statement.tokens[index].text
        inside = [statement.word(place) for place in statement.inside(index + 1)]
        if name in names.FRAMED_FUNCTIONS | {"listagg"} and "order" in inside:
            yield index, ""


def regexp_flags(statement: Statement) -> Iterator[Finding]:
    for index in calls(statement, "regexp_replace"):
        arguments = statement.arguments(index + 1)
        if len(arguments) > 3 and statement.tokens[arguments[3][0]].kind == "string":
            yield arguments[3][0], ""


def concat_arguments(statement: Statement) -> Iterator[Finding]:
    for index in calls(statement, "concat"):
        if len(statement.arguments(index + 1)) != 2:
            yield index, ""
    yield from ((index, "") for index in calls(statement, "concat_ws"))


def values_table(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("values", "("):
        if index == 0 or statement.word(index - 1) in ("(", "union", "all", "intersect", "except", "as"):
            yield index, ""


def table_command(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("table"):
        before, named = statement.word(index - 1), index + 1 < len(statement.tokens)
        if not named or not statement.tokens[index + 1].is_name or statement.word(index + 1) in _CLAUSES:
            continue
        # `as table` is what a column may be called, but no name follows there.
        nested = before in ("(", "union", "all", "intersect", "except") or (before == "as" and _ends(statement, index))
        inserted = statement.word(0) == "insert" and statement.tokens[index - 1].is_name and index == 3
        if index == 0 or nested or inserted:
            yield index, ""


def _ends(statement: Statement, index: int) -> bool:
    """Whether nothing but a name, of one part or more, stands behind an index up to the end or a parenthesis."""
    index += 2
    while statement.word(index) == ".":
        index += 2
    return index >= len(statement.tokens) or statement.word(index) in (")", "with")


def fetch_first(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("fetch"):
        if index > 0 and statement.word(index + 1) in ("first", "next"):
            yield index, ""


def for_update(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("for"):
        strengths = (("update",), ("share",), ("no", "key", "update"), ("key", "share"))
        if any(statement.words_at(index + 1, *words) for words in strengths):
            yield index, ""


def tablesample(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("tablesample"):
        if statement.word(index + 2) == "(":
            yield index, ""


def materialized_expression(statement: Statement) -> Iterator[Finding]:
    for phrase in (("as", "materialized", "("), ("as", "not", "materialized", "(")):
        yield from ((index + 1, "") for index in statement.find(*phrase))


def row_constructor(statement: Statement) -> Iterator[Finding]:
    for index in calls(statement, "row"):
        yield index, ""


def system_column(statement: Statement) -> Iterator[Finding]:
    for name in _SYSTEM_COLUMNS:
        for index in statement.find(name):
            # Behind a value it is the alias somebody gives that value.
            after_value = index > 0 and statement.tokens[index - 1].kind in ("number", "string", "quoted")
            if not after_value and statement.word(index - 1) not in ("as", ")"):
                yield index, name


def collation(statement: Statement) -> Iterator[Finding]:
    for index in statement.find("collate"):
        if statement.word(index + 1) not in ("(", "case_sensitive", "case_insensitive") and index > 0:
            yield index, ""


def reserved_word(statement: Statement) -> Iterator[Finding]:
    """As the name of a schema or a table; a column's name behind a dot may be any word."""
    for word in names.RESERVED_WORDS:
        for index in statement.find(word):
            qualifies = statement.word(index + 1) == "." and statement.word(index - 1) != "."
            if qualifies or statement.word(index - 1) in _BEFORE_NAMES:
                yield index, word


def boolean_test(statement: Statement) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_Boolean_type.html"""
    for index in statement.find("is"):
        tested = statement.word(index + (2 if statement.word(index + 1) == "not" else 1))
        if tested in ("true", "false", "unknown") and _clause(statement, index) == "select":
            yield index, ""


def _clause(statement: Statement, index: int) -> str:
    """The word that begins the clause around a token, looked for outside of its parentheses too."""
    level = statement.opener[index]
    for place in range(index - 1, -1, -1):
        if place == level:
            level = statement.opener[place]
        elif statement.opener[place] == level and statement.word(place) in ("select", "where", "on", "having", "by"):
            return statement.word(place)
    return ""


def correlated_limit(statement: Statement) -> Iterator[Finding]:
    """LIMIT in a subquery of an expression that names a table of the query around it."""
    for opening in statement.closing:
        if statement.word(opening + 1) != "select" or statement.word(opening - 1) in ("from", "join", "as"):
            continue
        limits = [index for index in statement.inside(opening) if statement.word(index) == "limit"]
        if limits and not _qualifiers(statement, opening) <= _sources(statement, opening):
            yield limits[0], ""


def _sources(statement: Statement, opening: int) -> set[str]:
    """The names by which the tables of a subquery, and of those in it, can be called."""
    known: set[str] = set()
    listing: dict[int, bool] = {}
    for index in range(opening + 1, statement.closing[opening]):
        level, word = statement.opener[index], statement.word(index)
        if word in ("from", "join", *_CLAUSES):
            listing[level] = word in ("from", "join")
        if word in ("from", "join") or (word == "," and listing.get(level)):
            known |= _table_names(statement, index + 1)
        elif word == ")":
            known |= _alias(statement, index + 1)
    return known


def _table_names(statement: Statement, place: int) -> set[str]:
    if place >= len(statement.tokens) or not statement.tokens[place].is_name:
        return set()
    while statement.word(place + 1) == ".":
        place += 2
    own = {statement.tokens[place].text} if place < len(statement.tokens) else set()
    return own | _alias(statement, place + 1)


def _alias(statement: Statement, place: int) -> set[str]:
    place += statement.word(place) == "as"
    if place >= len(statement.tokens) or not statement.tokens[place].is_name or statement.word(place) in _CLAUSES:
        return set()
    return {statement.tokens[place].text}


def _qualifiers(statement: Statement, opening: int) -> set[str]:
    """The first part of every `name.column` in a subquery that is not the name of a table behind `from`."""
    found: set[str] = set()
    for index in range(opening + 1, statement.closing[opening]):
        token, before = statement.tokens[index], statement.word(index - 1)
        if statement.word(index + 1) == "." and before not in (".", "from", "join") and token.is_name:
            found.add(token.text)
    return found
