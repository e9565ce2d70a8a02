"""What every part of a contract is checked with; each raises MistakeError naming the place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from loaders.contract import NAME_CHARACTERS
from loaders.contract_document import CustomProperty
from loaders.contract_quality import MistakeError

NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{NAME_CHARACTERS - 1}}}")


def custom_of(properties: list[CustomProperty] | None, known: Mapping[str, type], place: str) -> dict[str, Any]:
    """The values of `customProperties` by name; only those of `known`, each once and of its type."""
    found: dict[str, Any] = {}
    for custom in properties or ():
        name = str(custom.property)
        if name not in known:
            raise MistakeError(f"{place}: {name!r} is not one of {', '.join(known)}")
        if name in found:
            raise MistakeError(f"{place}: {name} is given twice")
        if type(custom.value) is not known[name]:
            raise MistakeError(f"{place}: {name} must be a {known[name].__name__}, not {custom.value!r}")
        found[name] = custom.value
    return found


def words(given: Iterable[Any]) -> tuple[str, ...]:
    """Words to compare with trimmed text without regard to case."""
    return tuple(str(word).strip().lower() for word in given)


def one_line(text: str) -> str:
    """The text without its line ends."""
    return " ".join(text.split())


def required(value: str | None, place: str) -> str:
    """The text, which has to be there."""
    if not value or not value.strip():
        raise MistakeError(f"{place} is missing")
    return value


def require_one_of(value: object, allowed: Iterable[object], place: str) -> None:
    """Refuses a value that is not among those allowed."""
    if value not in tuple(allowed):
        raise MistakeError(f"{place} is {value!r}; it must be one of {', '.join(str(one) for one in allowed)}")


def refuse_repeated(names: Iterable[str], what: str) -> None:
    """Refuses a name that stands there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise MistakeError(f"{what} {name!r} is given twice")
        seen.add(name)
