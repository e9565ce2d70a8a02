"""S3's events on EventBridge carry the object's version id, as the events of a versioned bucket do on AWS."""

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3

_version_id: ContextVar[str | None] = ContextVar("version_id", default=None)


def apply() -> None:
    """Puts the patch in place."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_version(*arguments: Any, version_id: str | None = None, **others: Any) -> None:
        token = _version_id.set(version_id)
        try:
            fire(*arguments, version_id=version_id, **others)
        finally:
            _version_id.reset(token)

    def dispatch_with_version(event: dict[str, Any], *arguments: Any, **others: Any) -> Any:
        version_id = _version_id.get()
        if event.get("Source") == "aws.s3" and version_id:
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = event | {"Detail": json.dumps(detail)}
        return dispatch(event, *arguments, **others)

    s3._fire_s3_event = fire_with_version
    eventbridge._dispatch_event = dispatch_with_version
