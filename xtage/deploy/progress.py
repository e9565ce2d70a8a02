"""A deployment as people follow it: what is under way on a terminal, a line for each finished part everywhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from xtage.console import output, say
from xtage.deploy.changes import Change, OnChanges
from xtage.deploy.deployment import deploy, destroy
from xtage.deploy.events import STACK, StackEvent
from xtage.deploy.upload import Upload

if TYPE_CHECKING:
    import boto3
    from rich.status import Status

MEGABYTE = 1_000_000

FINISHED = {"CREATE_COMPLETE": "created", "UPDATE_COMPLETE": "updated", "DELETE_COMPLETE": "deleted"}


def deploy_with_progress(
    stage: str,
    session: boto3.Session,
    parameters: Mapping[str, str] = MappingProxyType({}),
    on_changes: OnChanges = lambda changes: None,
) -> dict[str, str]:
    """Deploys a stage; returns its outputs. `on_changes` may print and ask. Raises what `deploy` raises."""
    started = time.monotonic()
    with output().status("deploying") as status:
        teller = _Teller("deploying", status)

        def show_changes(changes: list[Change]) -> None:
            status.stop()
            on_changes(changes)
            status.start()

        outputs = deploy(
            stage, session, teller.tell, parameters=parameters, on_changes=show_changes, on_upload=teller.tell_upload
        )
    seconds = time.monotonic() - started
    say(f"pipeline deployed in {seconds:.1f} s" if teller.events else f"nothing to deploy, after {seconds:.1f} s")
    return outputs


def destroy_with_progress(stage: str, session: boto3.Session, *, with_data: bool) -> None:
    """Takes a stage away. Raises what `destroy` raises."""
    started = time.monotonic()
    with output().status("destroying") as status:
        teller = _Teller("destroying", status)
        destroy(stage, session, teller.tell, with_data=with_data)
    took = f"destroyed in {time.monotonic() - started:.1f} s"
    say(f"stage {stage} {took}" if teller.events else f"nothing is deployed as stage {stage}")


class _Teller:
    """Tells what is uploaded and what CloudFormation reports."""

    def __init__(self, doing: str, status: Status) -> None:
        self.events = 0
        self._doing = doing
        self._status = status

    def tell(self, event: StackEvent) -> None:
        self.events += 1
        self._status.update(f"{self._doing}: {event.resource} {event.status}")
        if event.is_failure:
            say(f"  {event.resource} ({event.type}) {event.status}: {event.reason}")
        # The parent's own view of the stacks nested in it: their names are as the templates have them.
        elif event.type == STACK and event.status in FINISHED and event.resource != event.stack:
            say(f"  {event.resource} {FINISHED[event.status]}")

    def tell_upload(self, upload: Upload) -> None:
        """Small files make no lines of their own: of what takes a while one tells when it has begun."""
        name = upload.key.partition("/")[0]
        if upload.size is None:
            self._status.update(f"{self._doing}: making {name}, {upload.number} of {upload.count}")
            return
        sent, size = (f"{number / MEGABYTE:.1f}" for number in (upload.sent, upload.size))
        self._status.update(f"{self._doing}: uploading {name}, {sent} of {size} MB, {upload.number} of {upload.count}")
        if upload.sent == 0 and upload.size >= MEGABYTE:
            say(f"  uploading {name}, {size} MB")
        if upload.is_there and upload.number == upload.count:
            say(f"  {upload.count} files uploaded")
