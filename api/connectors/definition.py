"""What `connectors/<name>.yaml` says. A word that it does not know is an error, never a silent default."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from loaders.errors import TerminalError

DIRECTORY = Path(__file__).resolve().parents[2] / "connectors"
Text = Annotated[str, Meta(min_length=1)]


class Bearer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="bearer"):
    """The token goes into `Authorization: Bearer ...`."""


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="api_key"):
    """The token goes into a header of its own."""

    header: Text = "x-api-key"


class ByPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="page"):
    """Pages by number, until one has no records, or fewer than `size`."""

    parameter: Text = "page"
    first: int = 1
    size_parameter: Text | None = None
    size: Annotated[int, Meta(ge=1)] | None = None


class ByLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="link"):
    """Pages that name the next one in a `Link` header (RFC 8288), rel="next"."""


class DayRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters for the first and the last day (both included) of what is asked for."""

    from_parameter: Text
    to_parameter: Text
    first_day: date


class Connector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source. `records` names where the list of records stands in an answer, None is the answer itself."""

    feed: Text
    base_url: Text
    path: Annotated[str, Meta(pattern="^/")]
    auth: Bearer | ApiKey
    paging: ByPage | ByLink
    records: Text | None = None
    range: DayRange | None = None
    requests_per_second: Annotated[float, Meta(gt=0)] = 5
    every_hours: Annotated[int, Meta(ge=1)] | None = None
    allow_private_addresses: bool = False
    name: str = ""

    @property
    def url(self) -> str:
        """Where the first page is."""
        return self.base_url.rstrip("/") + self.path


def load_connectors(feeds: Iterable[str], directory: Path = DIRECTORY) -> dict[str, Connector]:
    """All connectors of a directory by name. Raises TerminalError that names the file and the place in it."""
    known = set(feeds)
    return {path.stem: _read(path, known) for path in sorted(directory.glob("*.yaml"))}


def _read(path: Path, feeds: set[str]) -> Connector:
    try:
        found = msgspec.yaml.decode(path.read_bytes(), type=Connector)
    except (msgspec.MsgspecError, ValueError) as error:
        raise TerminalError(f"{path.name}: {error}", remedy="correct the connector, then deploy") from error
    address = urlsplit(found.base_url)
    if address.scheme != "https" or not address.hostname or address.query or address.fragment or address.username:
        raise TerminalError(
            f"{path.name}: base_url must be https://<host>", remedy="correct the connector, then deploy"
        )
    if found.feed not in feeds:
        raise TerminalError(f"{path.name}: there is no feed {found.feed}", remedy="name one that has a contract")
    return msgspec.structs.replace(found, name=path.stem)
