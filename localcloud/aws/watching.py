"""CloudWatch at work: metrics out of the log, those that services tell of themselves, and alarms that follow them.

ministack keeps metrics and alarms. It takes no metrics out of logs, has those of Lambda only, and judges an alarm when
a metric is put, by the sum of all metrics of its name, without dimensions, periods, or regard to missing data.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.services import cloudwatch, sqs

from localcloud.aws.alarm_states import judged, periods
from localcloud.aws.embedded_metrics import metrics_in

logger = logging.getLogger("localcloud.aws")

# AWS looks once a minute; nobody wants to wait as long on a laptop.
EVERY_SECONDS = 2.0
# How often a queue that is not empty says so.
QUEUE_SECONDS = 60.0

EXECUTIONS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
}


class Watcher:
    """Collects figures as they come and judges the alarms every few seconds; `changed` hears of what is to be saved."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.RLock()
        self._answers: deque[tuple[str, int, float]] = deque()
        self._depths: dict[str, tuple[int, float]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, after a look under way."""
        self._stopping.set()
        self._thread.join()

    def read_log(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Keeps the metrics that stand in the lines of a log."""
        for event in events:
            for metric in metrics_in(event["message"]):
                where = (metric.namespace, metric.name, dict(metric.dimensions), metric.timestamp, metric.unit)
                self._store(*where, Counter(metric.values))

    def count_execution(self, execution: Mapping[str, Any]) -> None:
        """An execution of a state machine began or ended."""
        if name := EXECUTIONS.get(execution["status"]):
            dimensions = {"StateMachineArn": execution["stateMachineArn"]}
            self._store("AWS/States", name, dimensions, time.time(), "Count", {1.0: 1})

    def time_answer(self, api: str, status: int, milliseconds: float) -> None:
        """API Gateway answered a request."""
        self._answers.append((api, status, milliseconds))

    def judge(self, alarm: dict[str, Any]) -> None:
        """Brings an alarm into the state that its metric gives it; a change is written down and told."""
        if not alarm.get("MetricName"):
            return
        dimensions = cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
        key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
        with self._lock:
            points = list(cloudwatch._metrics.get(key) or ())
            values = [_value(alarm, found) for found in periods(alarm, points, time.time())]
            state, reason = judged(alarm, values)
            before = alarm["StateValue"]
            if state == before:
                return
            alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
            cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
            logger.info("Alarm %s: %s -> %s, %s", alarm["AlarmName"], before, state, reason)
            cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
            cloudwatch._evaluate_parent_alarms(alarm)
        self._changed()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            try:
                self._look()
            except Exception:
                logger.exception("The alarms could not be judged")

    def _look(self) -> None:
        self._keep_answers()
        self._measure_queues()
        for alarm in list(cloudwatch._alarms.values()):
            self.judge(alarm)

    def _keep_answers(self) -> None:
        """Sums up the answers since the last look: a point for each of thousands of requests would only cost memory."""
        answers = [self._answers.popleft() for _ in range(len(self._answers))]
        for api in {api for api, _, _ in answers}:
            found = [(status, milliseconds) for name, status, milliseconds in answers if name == api]
            figures = {
                "Count": Counter([1.0] * len(found)),
                "4XXError": Counter(float(400 <= status < 500) for status, _ in found),
                "5XXError": Counter(float(status >= 500) for status, _ in found),
                "Latency": Counter(float(round(milliseconds)) for _, milliseconds in found),
            }
            for name, values in figures.items():
                unit = "Milliseconds" if name == "Latency" else "Count"
                self._store("AWS/ApiGateway", name, {"ApiName": api}, time.time(), unit, values)

    def _measure_queues(self) -> None:
        """How much waits in each queue; one that stays empty says nothing."""
        now = time.time()
        for queue in list(sqs._queues.values()):
            name, depth = queue["name"], sum(message["visible_at"] <= now for message in list(queue["messages"]))
            before, at = self._depths.get(name, (0, 0.0))
            if depth != before or (depth and now - at > QUEUE_SECONDS):
                self._depths[name] = (depth, now)
                dimensions, values = {"QueueName": name}, {float(depth): 1}
                self._store("AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions, now, "Count", values)

    def _store(
        self, namespace: str, name: str, dimensions: dict[str, str], at: float, unit: str, values: Mapping[float, int]
    ) -> None:
        """Keeps values, each with how often it occurred."""
        with self._lock:
            counts = [float(count) for count in values.values()]
            cloudwatch._store_datum(namespace, name, dimensions, at, unit, None, list(values), counts, None)


def _value(alarm: Mapping[str, Any], points: list[Mapping[str, Any]]) -> float | None:
    """The alarm's statistic of the points of one period; null when there is none."""
    if not points:
        return None
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
    return None if value is None else float(value)
