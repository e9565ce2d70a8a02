"""An event that cannot start what its rule names goes to the target's dead-letter queue, with the reason.

ministack drops it with a line in its log, and lets a function that a rule starts fail unseen. On AWS what can be tried
again is, for a day; this knows only what cannot.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, lambda_svc, sqs, stepfunctions

from localcloud.aws.patches import permissions

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
        if stepfunctions._resolve_state_machine_arn(arn) is None:
            _keep(arn, payload, "NO_RESOURCE")
        elif delivery and not permissions.allow(delivery[0].get("RoleArn", ""), "states:StartExecution", arn):
            _keep(arn, payload, "NO_PERMISSIONS")
        else:
            start(arn, payload)

    def call_or_keep(arn: str, payload: str) -> None:
        function = lambda_svc._get_func_record_for_ref(arn)[0]
        if function is None:
            _keep(arn, payload, "NO_RESOURCE")
        else:
            lambda_svc.invoke_async_with_retry(function, json.loads(payload))

    eventbridge._invoke_target = invoke_and_remember
    eventbridge._dispatch_to_stepfunctions = start_or_keep
    eventbridge._dispatch_to_lambda = call_or_keep
    route = lambda_svc._route_async_failure

    def route_if_allowed(queue: str, name: str, event: Any, result: Any) -> None:
        role = lambda_svc._functions[name]["config"]["Role"]
        if permissions.allow(role, "sqs:SendMessage", queue):
            route(queue, name, event, result)

    lambda_svc._route_async_failure = route_if_allowed


def _keep(arn: str, payload: str, reason: str) -> None:
    target, rule = _delivery.get() or ({}, {})
    if queue := (target.get("DeadLetterConfig") or {}).get("Arn"):
        attributes = {"RULE_ARN": rule["Arn"], "TARGET_ARN": arn, "ERROR_CODE": reason}
        told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        name = queue.rpartition(":")[2]
        sqs._act_send_message({"QueueUrl": name, "MessageBody": payload, "MessageAttributes": told}, name)
