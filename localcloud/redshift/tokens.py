"""SQL as tokens that know where they stand in the source text, by sqlglot's tokenizer for Redshift."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import ClassVar, Literal

from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType

Kind = Literal["word", "quoted", "string", "number", "symbol"]

_STRINGS = {
    TokenType.STRING,
    TokenType.BYTE_STRING,
    TokenType.HEREDOC_STRING,
    TokenType.UNICODE_STRING,
    TokenType.NATIONAL_STRING,
    TokenType.RAW_STRING,
    TokenType.BIT_STRING,
    TokenType.HEX_STRING,
}


# Before a name with parentheses behind it that is no call: a table, a view, a list of columns.
_NO_CALL_AFTER = {"into", "table", "exists", "view", "references", "with", "recursive", "as", "function", "procedure"}
# What follows `with name (column, column) as`; behind `from function(...) as` stand a parenthesis and columns.
_QUERY_BEGINS = ("select", "with", "values", "table", "(", "insert", "update", "delete", "merge")
# Comments and quoted texts, between which a dollar quote may begin.
_SKIPPED = re.compile(
    r"""(?P<comment>/\*)|--[^\r\n]*|'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|[^\W\d][\w$]*|(?P<quote>\$(?:[^\W\d]\w*)?\$)""",
    re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")


class _Dialect(Redshift):
    class Tokenizer(Redshift.Tokenizer):
        # The text behind these words is SQL like any other here (`call`, `show`, `execute`).
        COMMANDS: ClassVar[set[TokenType]] = set()
        # `a#>>b` is a JSON operator, not a name that ends in #. And `$1,$2` are parameters, which sqlglot takes for a
        # dollar quote: those are found here.
        HEREDOC_STRINGS: ClassVar[list[str | tuple[str, str]]] = []
        SINGLE_TOKENS: ClassVar[dict[str, TokenType]] = {
            **Redshift.Tokenizer.SINGLE_TOKENS,
            "#": TokenType.HASH,
            "$": TokenType.PARAMETER,
        }


class UnreadableSqlError(Exception):
    """The text cannot be cut into tokens: a string, a quoted name or a comment has no end."""


@dataclass(frozen=True)
class Token:
    """One word, name, literal or symbol; `text` is in lower case for words and names, and without its quotes.

    `start` and `end` are its place in the source, `sql[start:end]`.
    """

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "quoted")


@dataclass(frozen=True)
class Statement:
    """The tokens of one statement, its semicolon left out, and how its parentheses nest."""

    sql: str
    tokens: tuple[Token, ...]

    @cached_property
    def closing(self) -> dict[int, int]:
        """For the index of each opening parenthesis the index of the closing one (or of the end)."""
        pairs: dict[int, int] = {}
        open_ones: list[int] = []
        for index, token in enumerate(self.tokens):
            if token.kind == "symbol" and token.text == "(":
                open_ones.append(index)
            elif token.kind == "symbol" and token.text == ")" and open_ones:
                pairs[open_ones.pop()] = index
        return pairs | {index: len(self.tokens) for index in open_ones}

    @cached_property
    def opener(self) -> tuple[int, ...]:
        """For each token the index of the parenthesis around it, -1 outside of all."""
        around: list[int] = []
        open_ones = [-1]
        for index, token in enumerate(self.tokens):
            if token.kind == "symbol" and token.text == ")" and len(open_ones) > 1:
                open_ones.pop()
            around.append(open_ones[-1])
            if token.kind == "symbol" and token.text == "(":
                open_ones.append(index)
        return tuple(around)

    @cached_property
    def _words(self) -> tuple[str, ...]:
        return tuple(token.text if token.kind in ("word", "symbol") else "" for token in self.tokens)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for index, word in enumerate(self._words):
            places.setdefault(word, []).append(index)
        return places

    @cached_property
    def calls(self) -> tuple[int, ...]:
        """The indices of the names of called functions: unqualified, or of pg_catalog."""
        return tuple(index - 1 for index in self.find("(") if index and self._is_call(index - 1))

    def _is_call(self, index: int) -> bool:
        before = self.word(index - 1)
        if not self.tokens[index].is_name or before in _NO_CALL_AFTER:
            return False
        if before == "." and not self.is_of_catalog(index):
            return False
        # `with name (column, column) as (` names a query.
        after = self.closing[index + 1] + 1
        return not (self.words_at(after, "as", "(") and self.word(after + 2) in _QUERY_BEGINS)

    def is_of_catalog(self, index: int) -> bool:
        """Whether the name at an index is written `pg_catalog.name`, quoted or not."""
        return self.word(index - 1) == "." and index > 1 and self.tokens[index - 2].text == "pg_catalog"

    def word(self, index: int) -> str:
        """The word or symbol at an index; empty for a literal, a quoted name, and beyond the ends."""
        return self._words[index] if 0 <= index < len(self._words) else ""

    def words_at(self, index: int, *words: str) -> bool:
        """Whether these words and symbols stand there, one after the other."""
        return self._words[index : index + len(words)] == words if index >= 0 else False

    def find(self, *words: str) -> Iterator[int]:
        """Every index at which these words and symbols begin."""
        return (index for index in self._places.get(words[0], ()) if self.words_at(index, *words))

    def inside(self, opening: int) -> Iterator[int]:
        """The indices of the tokens directly inside a parenthesis, not in one within; -1 is the whole statement."""
        first = opening + 1
        last = len(self.tokens) if opening == -1 else self.closing[opening]
        return (index for index in range(first, last) if self.opener[index] == opening)

    def arguments(self, opening: int) -> list[tuple[int, int]]:
        """The arguments between parentheses, as ranges of indices."""
        if self.closing[opening] == opening + 1:
            return []
        commas = [index for index in self.inside(opening) if self.word(index) == ","]
        starts = [opening + 1, *(index + 1 for index in commas)]
        return list(zip(starts, [*commas, self.closing[opening]], strict=True))

    def source(self, first: int, last: int) -> str:
        """The source text from one index up to, not including, another."""
        return self.sql[self.tokens[first].start : self.tokens[last - 1].end] if last > first else ""


def tokenize(sql: str) -> list[Token]:
    """The tokens of a text, comments left out; a dollar-quoted text is a string. Raises UnreadableSqlError."""
    found: list[Token] = []
    place = 0
    for start, end, text in _dollar_quoted(sql) if "$" in sql else ():
        found += _between(sql, place, start)
        found.append(Token("string", text, start, end))
        place = end
    return found + list(_between(sql, place, len(sql)))


def _between(sql: str, start: int, end: int) -> Iterator[Token]:
    """The tokens of a part of a text that has no dollar quotes."""
    part = sql[start:end]
    try:
        tokens = _Dialect().tokenize(part)
    except TokenError as error:
        raise UnreadableSqlError(str(error)) from error
    for one in tokens:
        for token in _split(part, one.token_type, one.text, one.start, one.end + 1):
            yield replace(token, start=token.start + start, end=token.end + start) if start else token


def _dollar_quoted(sql: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and content of each `$$...$$` and `$name$...$name$`. Raises UnreadableSqlError for one without end."""
    place = 0
    while found := _SKIPPED.search(sql, place):
        place = found.end()
        if found["comment"]:
            place = _behind_comment(sql, place)
        elif quote := found["quote"]:
            end = sql.find(quote, place)
            if end < 0:
                raise UnreadableSqlError(f"the text behind {quote} has no end")
            yield found.start(), end + len(quote), sql[place:end]
            place = end + len(quote)


def _behind_comment(sql: str, place: int) -> int:
    """Where a comment ends, which may hold others."""
    depth = 1
    while depth and (found := _COMMENT.search(sql, place)):
        depth += 1 if found[0] == "/*" else -1
        place = found.end()
    return place if not depth else len(sql)


# A text is looked at by the rules and then rewritten, and large ones take a while to cut up.
@lru_cache(maxsize=16)
def statements(sql: str) -> tuple[Statement, ...]:
    """The statements of a text, empty ones left out. Raises UnreadableSqlError."""
    found: list[list[Token]] = [[]]
    for token in tokenize(sql):
        if token.kind == "symbol" and token.text == ";":
            found.append([])
        else:
            found[-1].append(token)
    return tuple(Statement(sql, tuple(tokens)) for tokens in found if tokens)


def _split(sql: str, token_type: TokenType, text: str, start: int, end: int) -> Iterator[Token]:
    """sqlglot makes one token of `group by` and the like: here every word is one."""
    source = sql[start:end]
    if token_type in _STRINGS:
        yield Token("string", text, start, end)
    elif token_type == TokenType.IDENTIFIER:
        # Redshift folds quoted names too, unless enable_case_sensitive_identifier is set.
        yield Token("quoted", text.lower(), start, end)
    elif token_type == TokenType.NUMBER:
        yield Token("number", text, start, end)
    elif source[:1].isalpha() or source[:1] == "_":
        place = 0
        for word in source.split():
            place = source.index(word, place)
            yield Token("word", word.lower(), start + place, start + place + len(word))
            place += len(word)
    else:
        yield Token("symbol", source.lower(), start, end)
