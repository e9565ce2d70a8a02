"""What surrounds the records of a JSON file: which form it has, and the way to an array inside a document."""

from __future__ import annotations

from loaders.errors import DataError
from loaders.parse.json_lexer import Lexer
from loaders.parse.json_record import Malformed, Violation, parsed

LINES_LOOKED_AT = 20


def is_json_lines(data: bytes) -> bool:
    """Whether one of the first lines is a whole object, not indented, as no object over several lines is written."""
    return any(_is_object(line) for line in data.split(b"\n", LINES_LOOKED_AT)[:LINES_LOOKED_AT])


def _is_object(line: bytes) -> bool:
    try:
        return line.startswith(b"{") and bool(parsed(line))
    except Malformed:
        return False
    except Violation:
        return True


def enter(lexer: Lexer, path: tuple[str, ...]) -> None:
    """Go to the array under `path`, passing over all before it. Raises DataError where there is none."""
    for depth, name in enumerate(path):
        if lexer.peek() != b"{" or not _go_to_member(lexer, name):
            raise DataError(
                f"there is no {'.'.join(path[: depth + 1])} in the document, at byte {lexer.buffer.offset}",
                remedy=f"deliver the records under {'.'.join(path)}, or change the path in the contract",
            )
    if lexer.peek() != b"[":
        raise DataError(
            f"{'.'.join(path)} is not an array, at byte {lexer.buffer.offset}",
            remedy="deliver an array of records there, or change the path in the contract",
        )


def leave(lexer: Lexer, path: tuple[str, ...]) -> None:
    """Go from the array to the end of the document. Raises DataError where a name of the path comes again."""
    for name in reversed(path):
        while lexer.peek() == b",":
            lexer.take(b",")
            if _name(lexer) == name:
                raise lexer.broken(f"the name {name!r} of the path stands there twice")
            lexer.skip_value()
        lexer.take(b"}")


def _go_to_member(lexer: Lexer, name: str) -> bool:
    """Go into an object and to the value of its member `name`, if it has one."""
    lexer.take(b"{")
    if lexer.peek() == b"}":
        return False
    while _name(lexer) != name:
        lexer.skip_value()
        if lexer.peek() == b"}":
            return False
        lexer.take(b",")
    return True


def _name(lexer: Lexer) -> str:
    """A member's name; after it stands its value."""
    text = lexer.value() if lexer.peek() == b'"' else None
    if text is None:
        raise lexer.broken("a name in quotes expected")
    try:
        name = next(iter(parsed(b"{" + text + b":0}")))
    except Violation as violation:
        raise lexer.broken(violation.message) from violation
    lexer.buffer.advance(lexer.buffer.start + len(text))
    lexer.take(b":")
    lexer.peek()
    return name
