"""What a person is told when a file is refused: which file, why, and what to do; nothing that stands in it.

The state machine publishes a notice to the alarms' topic and puts the stage before its subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from loaders.errors import without_excerpts
from loaders.ledger import Delivery

RUNBOOK = "docs/runbooks/file-refused.md"
SHOWN = 20


class Notice(TypedDict):
    """A message; the subject is short and ASCII, as SNS wants it."""

    subject: str
    message: str


def refused(
    object_key: str,
    feed: str | None,
    error: str,
    delivery_id: int,
    run_id: int | None = None,
    load_id: int | None = None,
) -> Notice:
    """A notice of one file. `error` is the ledger's text, `<file>: <reason> -> <remedy>`.

    A file with a load had landed before, and its replay was refused.
    """
    run = f", run {run_id}" if run_id is not None else ""
    facts = {
        "File": f"{object_key} (delivery {delivery_id}{run})",
        "Feed": feed or "none",
        **_reason(object_key, error),
    }
    lines = [f"{name}: {text}" for name, text in facts.items()]
    subject = f"a file of {feed} was refused" if feed else "a file of no feed was dropped"
    landed = f"Load {load_id}, which it landed before, is as it was." if load_id else "Nothing of it landed."
    return {"subject": subject, "message": "\n".join([*lines, "", f"{landed} Runbook: {RUNBOOK}"])}


def refused_drops(deliveries: Sequence[Delivery]) -> Notice | None:
    """One notice of all drops that were refused when they were registered; null when none was."""
    bad = [delivery for delivery in deliveries if delivery.status in ("failed", "unrecognized")]
    notices = [refused(one.version.object_key, one.feed, one.error or "", one.delivery_id) for one in bad[:SHOWN]]
    if len(bad) < 2:
        return notices[0] if notices else None
    more = [f"and {len(bad) - SHOWN} more; ops.deliveries lists them"] if len(bad) > SHOWN else []
    message = "\n\n".join([*(notice["message"] for notice in notices), *more])
    return {"subject": f"{len(bad)} files were refused", "message": message}


def _reason(object_key: str, error: str) -> dict[str, str]:
    told = without_excerpts(error).removeprefix(f"{object_key}: ")
    reason, arrow, remedy = told.rpartition(" -> ")
    return {"Reason": reason, "What to do": remedy} if arrow else {"Reason": told}
