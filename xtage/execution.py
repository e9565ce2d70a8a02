"""Executions of the state machine: starting one, and what happens in it, step by step."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# dbt's own count, in lines such as `17:02:11  5 of 31 OK created sql table model marts.unified_sales`.
DBT_STEP = re.compile(r"\b(\d+ of \d+) (?:OK|PASS|WARN|ERROR|FAIL|START)\b(?! hook)")
# States worth a line: those that do work. Choices and passes are over before anybody could read about them.
WORKING = ("Task", "Map")
RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: Step Functions' status, its output when it succeeded, error and cause when not."""

    execution_arn: str
    status: str
    output: dict[str, Any]
    error: str
    cause: str

    @property
    def holder(self) -> str | None:
        """The execution under way, when this one found it and left the work to it."""
        return self.output.get("holder") if self.output.get("outcome") == "already_running" else None

    @property
    def has_successor(self) -> bool:
        """Whether a further execution goes on with what is still pending."""
        return self.output.get("outcome") == "successor"


def start(client: Any, state_machine_arn: str, **asked: object) -> str:
    """Start an execution with this input; gives its ARN."""
    started = client.start_execution(stateMachineArn=state_machine_arn, input=json.dumps(asked))
    return str(started["executionArn"])


def outcome_of(client: Any, execution_arn: str) -> Outcome | None:
    """How the execution ended; None while it runs."""
    told = client.describe_execution(executionArn=execution_arn)
    if told["status"] == RUNNING:
        return None
    output = json.loads(told.get("output") or "{}")
    return Outcome(
        execution_arn,
        told["status"],
        output if isinstance(output, dict) else {},
        told.get("error", ""),
        told.get("cause", ""),
    )


def working_states(client: Any, state_machine_arn: str) -> set[str]:
    """The names of the states worth telling about; those inside a Map are told file by file instead."""
    definition = json.loads(client.describe_state_machine(stateMachineArn=state_machine_arn)["definition"])
    return {name for name, state in definition["States"].items() if state["Type"] in WORKING}


@dataclass(frozen=True)
class Entered:
    """A state being entered; `event_id` counts the events of its execution from 1."""

    event_id: int
    at: datetime
    state: str


def entered_states(client: Any, execution_arn: str, after: int) -> Iterator[Entered]:
    """Every state entered after the event with the id `after`, in order."""
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    for page in pages:
        for event in page["events"]:
            if event["id"] > after and event["type"].endswith("StateEntered"):
                yield Entered(event["id"], event["timestamp"], event["stateEnteredEventDetails"]["name"])


def build_step(logs: Any, project: str) -> str | None:
    """How far the newest dbt build is, such as `5 of 31`; None before its first model."""
    group = f"/aws/codebuild/{project}"
    streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)
    if not streams["logStreams"]:
        return None
    newest = streams["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=newest, limit=20, startFromHead=False)["events"]
    steps = [found[1] for event in events if (found := DBT_STEP.search(event["message"]))]
    return steps[-1] if steps else None
