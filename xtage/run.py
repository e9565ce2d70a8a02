"""`xtage run`: the pipeline, followed until it ends."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import click
from rich.status import Status

from xtage import execution, ledger
from xtage.console import output, say, show, shown, table, warn
from xtage.errors import OperatorError
from xtage.execution import Outcome
from xtage.ledger import Delivery
from xtage.stages import Stage, find_stage

POLL_SECONDS = 0.5
# An execution that holds the lease may end while it is being looked up; the next one then finds the lease free.
ATTEMPTS = 5
SUCCESSOR_SECONDS = 30
BUILD = "Build"


@click.command("run")
def command() -> int:
    """Run the pipeline over everything that was dropped, and follow it.

    Starts an execution that also looks for files whose event was missed and builds in any case; when a run is under
    way already, that one takes the files and is followed instead. Prints each state, what became of each file, and at
    the end the accounting: records read = landed + rejected. Ctrl-C stops following, not the run.

    \b
    Examples:
      xtage run
      xtage drop *.csv && xtage run

    Exit codes: 0 the run succeeded, even if single files were refused; 1 it failed, with state and reason;
    130 interrupted.
    """
    stage = find_stage()
    follower = Follower(stage.client("stepfunctions"), stage)
    try:
        outcome = follower.follow_to_the_end()
    except KeyboardInterrupt:
        warn("xtage: no longer following; the run goes on in the local cloud. `xtage run` follows it again")
        return 130
    print_accounting(follower.run_ids)
    if outcome.status != execution.SUCCEEDED:
        raise OperatorError(_why(outcome), "`xtage status` shows the last runs; correct the cause and run again")
    return 0


@dataclass
class Follower:
    """Follows a run through its executions and remembers what it has told."""

    client: Any
    stage: Stage
    run_ids: list[int] = field(default_factory=list)
    told: set[tuple[int, datetime]] = field(default_factory=set)
    built: bool = False

    def follow_to_the_end(self) -> Outcome:
        """Start an execution and follow it, or the one that has the work in hand, and its successors."""
        with output().status("starting") as status:
            for _ in range(ATTEMPTS):
                outcome = self._follow(self._start(), status)
                if not outcome.holder:
                    break
                say("a run is under way: following it")
                outcome = self._follow(outcome.holder, status)
                # One that failed may have failed of what is mended now, and left files; one that had nothing to build
                # leaves the build that is asked for here.
                if outcome.status == execution.SUCCEEDED and self.built:
                    break
            while outcome.has_successor and (successor := self._successor()):
                outcome = self._follow(successor, status)
        return outcome

    def _start(self) -> str:
        machine = self.stage.outputs["StateMachineArn"]
        return execution.start(self.client, machine, trigger="manual", sweep=True, force_build=True)

    def _follow(self, execution_arn: str, status: Status) -> Outcome:
        """Tell what happens in one execution until it ends."""
        working = execution.working_states(self.client, self.stage.outputs["StateMachineArn"])
        seen, state, started = 0, "starting", time.monotonic()
        while True:
            # The outcome is asked for first: what is read after it includes everything that led to it.
            outcome = execution.outcome_of(self.client, execution_arn)
            entered = list(execution.entered_states(self.client, execution_arn, after=seen))
            seen = entered[-1].event_id if entered else seen
            told = [(event.at, event.state) for event in entered if event.state in working]
            state = told[-1][1] if told else state
            self.built = self.built or any(name == BUILD for _, name in told)
            # Both come in the order in which they happened, whatever order they were asked for in.
            for at, line in sorted([*told, *self._finished_files(execution_arn)]):
                say(f"{at.astimezone():%H:%M:%S}  {line}")
            status.update(self._under_way(state))
            if outcome is not None:
                if not outcome.holder:
                    say(f"{datetime.now():%H:%M:%S}  {outcome.status.lower()} in {time.monotonic() - started:.0f} s")
                return outcome
            time.sleep(POLL_SECONDS)

    def _under_way(self, state: str) -> str:
        """What a terminal shows while it lasts: the state, and in the build how far dbt is."""
        if state != BUILD or not output().is_terminal:
            return state
        step = execution.build_step(self.stage.client("logs"), self.stage.outputs["BuildProjectName"])
        return f"Build: {step}" if step else state

    def _finished_files(self, execution_arn: str) -> Iterator[tuple[datetime, str]]:
        """When and what became of each file that is finished and not told yet."""
        for run in reversed(ledger.runs_of(execution_arn)):
            if run.run_id not in self.run_ids:
                self.run_ids.append(run.run_id)
            for delivery in ledger.deliveries_of(run.run_id):
                # A delivery may have been replayed since it was told.
                finished = delivery.finished_at
                if finished is not None and (delivery.delivery_id, finished) not in self.told:
                    self.told.add((delivery.delivery_id, finished))
                    yield finished, f"  {delivery.object_key}: {_became(delivery)}"

    def _successor(self) -> str | None:
        """The execution that goes on; it opens its run a moment after the last one closed."""
        deadline = time.monotonic() + SUCCESSOR_SECONDS
        while time.monotonic() < deadline:
            run = ledger.running_run()
            if run and run.run_id not in self.run_ids:
                return run.execution_arn
            time.sleep(POLL_SECONDS)
        return None


def _became(delivery: Delivery) -> str:
    """What became of one file, in words."""
    words: dict[str, Callable[[], str]] = {
        "loaded": lambda: f"{shown(delivery.records_loaded)} landed, {shown(delivery.records_rejected)} rejected",
        "duplicate": lambda: f"nothing new, its content is load {delivery.load_id}",
        "failed": lambda: f"failed, load {delivery.load_id} is as it was" if delivery.load_id else "failed",
    }
    return words.get(delivery.status, lambda: delivery.status)()


def print_accounting(run_ids: list[int]) -> None:
    """The files of the runs, record by record accounted for, and the size of the unified dataset."""
    deliveries = [delivery for run_id in run_ids for delivery in ledger.deliveries_of(run_id)]
    say("")
    if deliveries:
        columns = ("file", "feed", "way", "read", "landed", "rejected", "status")
        show(table(columns, map(_row, deliveries), numbers=columns[3:6]))
    else:
        say("no new files")
    for delivery in deliveries:
        if delivery.error:
            say(f"{delivery.status}: {delivery.reason}")
    if waiting := ledger.deliveries_with("unrecognized"):
        say(f"{len(waiting)} file{'s' if len(waiting) > 1 else ''} of no feed: `xtage status` lists them")
    rows = ledger.unified_rows()
    say(f"marts.unified_sales: {'not built yet' if rows is None else f'{rows:,} rows'}")


def _row(delivery: Delivery) -> tuple[object, ...]:
    status = delivery.status if delivery.status == "loaded" else _became(delivery)
    landed = delivery.status == "loaded"
    counts = (delivery.records_read, delivery.records_loaded, delivery.records_rejected) if landed else (None, 0, None)
    return (delivery.object_key, delivery.feed, delivery.route, *counts, status)


def _why(outcome: Outcome) -> str:
    """Which state failed and why: as the run wrote it down, or as Step Functions tells it."""
    run = next(iter(ledger.runs_of(outcome.execution_arn)), None)
    written = run.error if run else None
    told = ": ".join(filter(None, (outcome.error, outcome.cause)))
    return f"the run {outcome.status.lower()}: {written or told or 'no reason given'}"
