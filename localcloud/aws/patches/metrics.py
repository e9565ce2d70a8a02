"""CloudWatch's metrics and alarms are the watcher's work (`localcloud.aws.watching`): it is told of what happens."""

import time
from typing import Any

from ministack.services import apigateway_v1, cloudwatch, cloudwatch_logs, stepfunctions

from localcloud.aws.watching import Watcher


def apply(watcher: Watcher) -> None:
    """Puts the patches in place."""
    append, emit = cloudwatch_logs._append_log_events, stepfunctions._emit_execution_status_event
    answer = apigateway_v1._handle_execute_in_scope

    def append_and_read(stream: dict[str, Any], events: list[dict[str, Any]]) -> None:
        append(stream, events)
        watcher.read_log(events)

    def emit_and_count(execution: dict[str, Any]) -> None:
        emit(execution)
        watcher.count_execution(execution)

    async def answer_and_time(api_id: str, *arguments: Any) -> Any:
        started = time.perf_counter()
        response = await answer(api_id, *arguments)
        if api := apigateway_v1._rest_apis.get(api_id):
            watcher.time_answer(api["name"], response[0], (time.perf_counter() - started) * 1000)
        return response

    cloudwatch_logs._append_log_events = append_and_read
    stepfunctions._emit_execution_status_event = emit_and_count
    apigateway_v1._handle_execute_in_scope = answer_and_time
    cloudwatch._evaluate_alarm = watcher.judge
