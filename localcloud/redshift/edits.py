"""Changes of a text at its tokens."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.redshift.tokens import Statement, Token


@dataclass(frozen=True)
class Edit:
    """One change: what stands at `start` to `end` of the text becomes `text`."""

    start: int
    end: int
    text: str


def over(first: Token, last: Token, text: str) -> Edit:
    """Puts a text in place of the tokens from one to another."""
    return Edit(first.start, last.end, text)


def before(token: Token, text: str) -> Edit:
    """Puts a text before a token."""
    return Edit(token.start, token.start, text)


def after(token: Token, text: str) -> Edit:
    """Puts a text behind a token."""
    return Edit(token.end, token.end, text)


def apply(statement: Statement, edits: list[Edit]) -> str:
    """The statement's text with the edits, in the order of their places; one inside another is left out."""
    text, place = "", statement.tokens[0].start
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < place:
            continue
        text += statement.sql[place : edit.start] + edit.text
        place = max(place, edit.end)
    return text + statement.sql[place : statement.tokens[-1].end]
