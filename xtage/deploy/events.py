"""What CloudFormation reports while it works: the events of a stack and of every stack nested in it, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

STACK = "AWS::CloudFormation::Stack"

# What CloudFormation writes beside a resource that was well but went down with another.
_CONSEQUENCES = ("cancelled", "resource(s) failed", "was not successfully")


@dataclass(frozen=True)
class StackEvent:
    """One resource reaching one status; `reason` is empty unless CloudFormation gives one."""

    at: datetime
    stack: str
    resource: str
    type: str
    status: str
    reason: str

    @property
    def is_failure(self) -> bool:
        """Whether this resource itself failed, rather than being called off because another did."""
        called_off = any(words in self.reason for words in _CONSEQUENCES)
        return self.status.endswith("_FAILED") and not called_off


OnEvent = Callable[[StackEvent], None]


@dataclass
class EventFollower:
    """Reports the events of one stack operation, oldest first; those that lie there already belong to earlier ones."""

    cloudformation: CloudFormationClient
    stack: str
    on_event: OnEvent
    failure: StackEvent | None = None
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._seen.update(raw["EventId"] for raw in self._read())

    def report(self) -> None:
        """Hands every event since the last call to `on_event`, and keeps the first failure."""
        fresh = [raw for raw in self._read() if raw["EventId"] not in self._seen]
        # A stack's events come newest first, and sorting leaves those with equal times as they were.
        fresh.reverse()
        for raw in sorted(fresh, key=lambda raw: raw["Timestamp"]):
            self._seen.add(raw["EventId"])
            event = _event(raw)
            self.on_event(event)
            if event.is_failure and (self.failure is None or self.failure.type == STACK):
                self.failure = event

    def _read(self) -> Iterator[StackEventTypeDef]:
        stacks, known = [self.stack], {self.stack}
        while stacks:
            for raw in self._events_of(stacks.pop()):
                yield raw
                nested = raw.get("PhysicalResourceId", "")
                if raw.get("ResourceType") == STACK and nested not in known | {raw["StackId"], ""}:
                    known.add(nested)
                    stacks.append(nested)

    def _events_of(self, stack: str) -> list[StackEventTypeDef]:
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        try:
            return [raw for page in pages for raw in page["StackEvents"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":  # no such stack, yet or any more
                return []
            raise


def _event(raw: StackEventTypeDef) -> StackEvent:
    return StackEvent(
        at=raw["Timestamp"],
        stack=raw["StackName"],
        resource=raw.get("LogicalResourceId", ""),
        type=raw.get("ResourceType", ""),
        status=raw.get("ResourceStatus", ""),
        reason=raw.get("ResourceStatusReason", ""),
    )
