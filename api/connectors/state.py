"""What is remembered of a connector, in the parameter store: how its last fetch went, and up to which day it came."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

LONGEST_FETCH = timedelta(minutes=16)
"""A function lives for 15 minutes: a fetch that has been running for longer was killed."""


class Fetch(msgspec.Struct, frozen=True):
    """One fetch. The counts and the object are null until it has succeeded; `error` says why it failed."""

    fetch_id: str
    status: Literal["queued", "running", "succeeded", "failed"]
    queued_at: datetime
    finished_at: datetime | None = None
    first_day: date | None = None
    last_day: date | None = None
    pages: int | None = None
    records: int | None = None
    object_key: str | None = None
    version_id: str | None = None
    error: str | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it still works, or still will."""
        is_open = self.status in ("queued", "running")
        return is_open and datetime.now(UTC) - self.queued_at < LONGEST_FETCH


class Memory:
    """The parameters of one connector of a stage."""

    def __init__(self, ssm: SSMClient, stage: str, connector: str) -> None:
        self._ssm = ssm
        self._prefix = f"/xtage/{stage}/connectors/{connector}"

    def last_fetch(self) -> Fetch | None:
        """The newest fetch, None before the first."""
        text = self._read("last-fetch")
        return msgspec.json.decode(text, type=Fetch) if text else None

    def keep_fetch(self, fetch: Fetch) -> None:
        """Remembers a fetch in the place of the one before."""
        self._write("last-fetch", msgspec.json.encode(fetch).decode())

    def watermark(self) -> date | None:
        """The last day that was fetched, None before the first."""
        text = self._read("watermark")
        return date.fromisoformat(text) if text else None

    def keep_watermark(self, day: date) -> None:
        """Remembers up to which day everything has landed."""
        self._write("watermark", day.isoformat())

    def _read(self, name: str) -> str | None:
        try:
            return str(self._ssm.get_parameter(Name=f"{self._prefix}/{name}")["Parameter"]["Value"])
        except self._ssm.exceptions.ParameterNotFound:
            return None

    def _write(self, name: str, value: str) -> None:
        self._ssm.put_parameter(Name=f"{self._prefix}/{name}", Value=value, Type="String", Overwrite=True)
