"""What plain PostgreSQL accepts and Redshift refuses: one list of named rules, for compiled SQL and for the wire alike.

    >>> [refusal.rule for refusal in refusals("select string_agg(name, ',') from products")]
    ['unsupported_function']

Rules look at tokens: they know no types and no tables. Sources, unless a rule names its own:
https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-sql-implementated-differently.html and
.../c_unsupported-postgresql-features.html, and the syntax of each command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from localcloud.redshift import rules_queries as queries
from localcloud.redshift import rules_statements as changes
from localcloud.redshift.tokens import Statement, Token, UnreadableSqlError, statements

SYNTAX_ERROR = "42601"
NOT_SUPPORTED = "0A000"
UNDEFINED_FUNCTION = "42883"
UNDEFINED_OBJECT = "42704"


@dataclass(frozen=True)
class Refusal:
    """One place at which Redshift would refuse a text.

    `message` names what is refused and says what to write instead; `position` counts characters from 0.
    """

    rule: str
    message: str
    position: int
    sqlstate: str = NOT_SUPPORTED


@dataclass(frozen=True)
class Rule:
    """What is refused, what to write instead (empty where each finding has its own remedy), and how it is found."""

    name: str
    problem: str
    remedy: str
    find: Callable[[Statement], Iterator[queries.Finding]]
    sqlstate: str = NOT_SUPPORTED

    def broken_by(self, statement: Statement) -> Iterator[Refusal]:
        """A refusal for each place at which the statement breaks this rule."""
        for index, detail in self.find(statement):
            said = f" ({detail})" if detail else ""
            message = f"{self.problem}{said}; {self.remedy}" if self.remedy else f"{self.problem}: {detail}"
            yield Refusal(self.name, message, statement.tokens[index].start, self.sqlstate)


RULES = (
    Rule("unsupported_function", "Redshift has no such function", "", queries.unsupported_function, UNDEFINED_FUNCTION),
    Rule("unsupported_type", "Redshift has no such type", "", changes.unsupported_type, UNDEFINED_OBJECT),
    Rule("type_size", "the size is more than Redshift allows", "", changes.type_size),
    Rule(
        "leader_node_function",
        "this function runs on Redshift's leader node, not in a statement that reads or writes tables",
        "",
        queries.leader_node_function,
    ),
    Rule("array", "Redshift has no PostgreSQL arrays", "keep rows, or a SUPER value", changes.array),
    Rule("array_overlap", "Redshift has no operator &&", "compare the bounds of the ranges", queries.array_overlap),
    Rule(
        "json_operator",
        "Redshift has no JSON operators",
        "use json_extract_path_text, or SUPER",
        queries.json_operator,
        UNDEFINED_FUNCTION,
    ),
    Rule(
        "distinct_on",
        "Redshift has no DISTINCT ON",
        "keep the rows whose row_number() over (partition by ... order by ...) is 1",
        queries.distinct_on,
        SYNTAX_ERROR,
    ),
    Rule(
        "filter_clause",
        "Redshift has no FILTER clause",
        "aggregate a case expression: count(case when ... then 1 end)",
        queries.filter_clause,
        SYNTAX_ERROR,
    ),
    Rule("lateral", "Redshift has no LATERAL", "join with a subquery that does not look aside", queries.lateral),
    Rule(
        "is_distinct_from",
        "Redshift has no IS DISTINCT FROM",
        "compare with <> and the nulls beside it, or compare with nvl",
        queries.is_distinct_from,
        SYNTAX_ERROR,
    ),
    Rule(
        "window_without_frame",
        "aggregate window functions with an ORDER BY clause require a frame clause",
        "add `rows between unbounded preceding and current row`, or the frame you mean",
        queries.window_without_frame,
    ),
    Rule("range_frame", "Redshift has ROWS frames only", "write the frame with ROWS", queries.range_frame),
    Rule("named_window", "Redshift has no named windows", "write the window behind OVER", queries.named_window),
    Rule(
        "aggregate_order_by",
        "Redshift takes no ORDER BY inside an aggregate's arguments",
        "use listagg(...) within group (order by ...), or a window function",
        queries.aggregate_order_by,
        SYNTAX_ERROR,
    ),
    Rule(
        "regexp_flags",
        "the fourth argument of Redshift's regexp_replace is a position, not flags",
        "leave 'g' out, Redshift replaces every match; for others: regexp_replace(text, pattern, new, 1, 'i')",
        queries.regexp_flags,
        UNDEFINED_FUNCTION,
    ),
    Rule(
        "concat_arguments",
        "Redshift's concat takes two arguments",
        "join the parts with ||",
        queries.concat_arguments,
        UNDEFINED_FUNCTION,
    ),
    Rule(
        "values_table",
        "Redshift takes VALUES in an INSERT only",
        "write `select ... union all select ...`",
        queries.values_table,
        SYNTAX_ERROR,
    ),
    Rule("table_command", "Redshift has no TABLE command", "write select * from", queries.table_command, SYNTAX_ERROR),
    Rule("fetch_first", "Redshift has no FETCH FIRST in a query", "use limit", queries.fetch_first, SYNTAX_ERROR),
    Rule("for_update", "Redshift locks no rows", "use LOCK for the table", queries.for_update),
    Rule("tablesample", "Redshift has no TABLESAMPLE", "use `where random() < ...`", queries.tablesample, SYNTAX_ERROR),
    Rule(
        "materialized_expression",
        "Redshift has no MATERIALIZED for common table expressions",
        "leave the word out",
        queries.materialized_expression,
        SYNTAX_ERROR,
    ),
    Rule("row_constructor", "Redshift has no ROW(...)", "compare the columns one by one", queries.row_constructor),
    Rule("system_column", "Redshift has no system columns", "keep a column for it", queries.system_column),
    Rule(
        "reserved_word",
        "this is a reserved word in Redshift",
        "put it into double quotes",
        queries.reserved_word,
        SYNTAX_ERROR,
    ),
    Rule(
        "collation",
        "Redshift has no named collations",
        "leave COLLATE out, Redshift sorts by bytes; for case: collate(text, 'case_insensitive')",
        queries.collation,
        SYNTAX_ERROR,
    ),
    Rule(
        "boolean_test",
        "Redshift takes IS TRUE and the like in a condition only, not in the list of a SELECT",
        "compare with =, or write nvl(value, false)",
        queries.boolean_test,
    ),
    Rule(
        "correlated_limit",
        "Redshift takes no LIMIT in a correlated subquery",
        "join with rows numbered by row_number()",
        queries.correlated_limit,
    ),
    Rule(
        "on_conflict",
        "Redshift has no ON CONFLICT",
        "use MERGE, or delete and insert in one transaction",
        changes.on_conflict,
        SYNTAX_ERROR,
    ),
    Rule("returning", "Redshift has no RETURNING", "select the rows by their key", changes.returning, SYNTAX_ERROR),
    Rule(
        "table_if_not_exists_as",
        "Redshift has no CREATE TABLE IF NOT EXISTS ... AS",
        "drop the table if it exists, then create it",
        changes.table_if_not_exists_as,
        SYNTAX_ERROR,
    ),
    Rule(
        "replace_table",
        "Redshift has no CREATE OR REPLACE TABLE",
        "drop the table if it exists, then create it",
        changes.replace_table,
        SYNTAX_ERROR,
    ),
    Rule(
        "modifying_expression",
        "a common table expression in Redshift cannot change data",
        "write two statements in one transaction",
        changes.modifying_expression,
        SYNTAX_ERROR,
    ),
    Rule(
        "with_before_change",
        "no WITH before a statement that changes data",
        "put the query into USING, into a subquery, or behind INSERT INTO",
        changes.with_before_change,
        SYNTAX_ERROR,
    ),
    Rule("generated_column", "Redshift computes no columns", "compute it in a view", changes.generated_column),
    Rule("check_constraint", "Redshift has no CHECK", "check it with a dbt test", changes.check_constraint),
    Rule("index", "Redshift has no indexes", "choose a sort key and a distribution key", changes.index_statement),
    Rule("unknown_object", "Redshift has no such kind of object", "see the SQL reference", changes.unknown_object),
    Rule("unknown_command", "Redshift has no such command", "see the SQL reference", changes.unknown_command),
    Rule("table_option", "Redshift has no such table option", "leave it out", changes.table_option, SYNTAX_ERROR),
    Rule(
        "copy_stream",
        "Redshift's COPY reads from S3 only",
        "put the file into S3; use UNLOAD to export",
        changes.copy_stream,
        SYNTAX_ERROR,
    ),
    Rule("truncate_option", "Redshift truncates one table", "write a TRUNCATE for each", changes.truncate_option),
    Rule(
        "alter_column",
        "Redshift changes the size of a varchar column and the encoding of a column only",
        "make a new table, or add a column and rename",
        changes.alter_column,
    ),
    Rule("several_actions", "one action in each ALTER TABLE", "write a statement for each", changes.several_actions),
    Rule(
        "alter_if_exists",
        "Redshift has no IF [NOT] EXISTS in ALTER TABLE",
        "look into svv_columns first",
        changes.alter_if_exists,
        SYNTAX_ERROR,
    ),
    Rule(
        "merge_condition",
        "Redshift's MERGE takes no condition and no DO NOTHING behind WHEN MATCHED",
        "put the condition into the source",
        changes.merge_condition,
        SYNTAX_ERROR,
    ),
    Rule("lock_mode", "Redshift's LOCK has no modes and waits", "write lock and the table's name", changes.lock_mode),
    Rule(
        "several_columns_set",
        "Redshift sets one column at a time",
        "write set a = ..., b = ...",
        changes.several_columns_set,
        SYNTAX_ERROR,
    ),
    Rule(
        "unicode_escape",
        "Redshift has no U& names and strings",
        "write the letters themselves",
        queries.unicode_escape,
        SYNTAX_ERROR,
    ),
    Rule("scroll_cursor", "Redshift has plain cursors only", "declare name cursor for ...", changes.scroll_cursor),
)


def refusals(sql: str) -> list[Refusal]:
    """Every place at which Redshift would refuse this text of one or more statements, in the order of the text.

    What stands in an UNLOAD, a cursor, PREPARE, EXPLAIN or a routine is looked at too. An empty list says that no rule
    is broken, not that Redshift would take it.
    """
    try:
        found = [one for statement in statements(sql) for one in _of_statement(statement)]
    except UnreadableSqlError as error:
        return [Refusal("unreadable", f"the text cannot be read as SQL: {error}", 0, SYNTAX_ERROR)]
    return sorted(found, key=lambda refusal: refusal.position)


def _of_statement(statement: Statement) -> Iterator[Refusal]:
    begin = _begin_of_inner(statement)
    outer = Statement(statement.sql, statement.tokens[:begin]) if begin else statement
    for rule in RULES:
        yield from rule.broken_by(outer)
    if begin:
        yield from _of_statement(Statement(statement.sql, statement.tokens[begin:]))
    for query in _quoted_sql(statement):
        # Quotes are doubled in there: the place of the whole query is as near as it gets.
        yield from (replace(refusal, position=query.start) for refusal in refusals(query.text))


def _begin_of_inner(statement: Statement) -> int:
    """The index of the statement that a cursor, PREPARE or EXPLAIN is for; 0 for any other."""
    first = statement.word(0)
    outside = (index for index in statement.inside(-1) if index > 0)
    if first == "declare":
        return next((index + 1 for index in outside if statement.word(index) == "for"), 0)
    if first == "prepare":
        return next((index + 1 for index in outside if statement.word(index) == "as"), 0)
    if first == "explain":
        return next((index for index in outside if statement.word(index) not in ("analyze", "verbose", "(", ")")), 0)
    return 0


def _quoted_sql(statement: Statement) -> Iterator[Token]:
    """The query of an UNLOAD, and the body of a function or procedure, which stand between quotes."""
    if statement.words_at(0, "unload", "(") and len(statement.tokens) > 2:
        yield statement.tokens[2]
    elif changes.is_routine(statement) and not any(statement.find("language", "plpythonu")):
        yield from (token for token in statement.tokens if token.kind == "string")
