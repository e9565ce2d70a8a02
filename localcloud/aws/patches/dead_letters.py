"""An event that cannot start an execution goes to its target's dead-letter queue, with the reason.

ministack drops it with a line in its log. On AWS what can be tried again is, for a day; this knows only what cannot.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, sqs, stepfunctions

_delivery: ContextVar[tuple[Mapping[str, Any], Mapping[str, Any]] | None] = ContextVar("delivery", default=None)


def apply() -> None:
    """Puts the patches in place."""
    invoke, start = eventbridge._invoke_target, eventbridge._dispatch_to_stepfunctions

    def invoke_and_remember(target: Mapping[str, Any], event: Any, rule: Mapping[str, Any], view: Any = None) -> None:
        token = _delivery.set((target, rule))
        try:
            invoke(target, event, rule, view)
        finally:
            _delivery.reset(token)

    def start_or_keep(arn: str, payload: str) -> None:
        delivery = _delivery.get()
        if delivery is None or stepfunctions._resolve_state_machine_arn(arn) is not None:
            start(arn, payload)
        elif queue := (delivery[0].get("DeadLetterConfig") or {}).get("Arn"):
            _keep(queue, payload, RULE_ARN=delivery[1]["Arn"], TARGET_ARN=arn, ERROR_CODE="NO_RESOURCE")

    eventbridge._invoke_target = invoke_and_remember
    eventbridge._dispatch_to_stepfunctions = start_or_keep


def _keep(queue: str, payload: str, **attributes: str) -> None:
    told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    name = queue.rpartition(":")[2]
    sqs._act_send_message({"QueueUrl": name, "MessageBody": payload, "MessageAttributes": told}, name)
