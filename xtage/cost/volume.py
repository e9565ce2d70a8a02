"""How much a stage has to do in a month: what a person says, and what follows from it and from the templates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from xtage.templates import Resource

# As AWS's own estimates count: https://docs.aws.amazon.com/pricing-calculator/
HOURS = 730
DAYS = 365 / 12
GIGABYTE = 1e9

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_PER_DAY = {"minute": 24 * 60, "hour": 24, "day": 1}


@dataclass(frozen=True)
class Volume:
    """What comes in and is asked for. Files are those of every feed, nested ones among them."""

    files_per_day: float = 20
    bytes_per_file: float = 10_000_000
    nested_files_per_day: float = 2
    builds_per_day: float = 10
    build_minutes: float = 5
    api_requests_per_day: float = 1_000
    query_hours_per_day: float = 1
    months: float = 12


@dataclass(frozen=True)
class Usage:
    """A month of a stage."""

    volume: Volume
    sweeps: float
    has_redshift: bool

    @classmethod
    def of(cls, volume: Volume, resources: Iterable[Resource]) -> Usage:
        """What the volume means for these resources: how often the sweep runs, whether there is a second warehouse."""
        resources = list(resources)
        schedules = [text for resource in resources if (text := _schedule(resource)) and _starts_pipeline(resource)]
        types = {resource.type for resource in resources}
        sweeps = sum(times_per_day(schedule) for schedule in schedules) * DAYS
        return cls(volume, sweeps, "AWS::RedshiftServerless::Workgroup" in types)

    @property
    def files(self) -> float:
        return self.volume.files_per_day * DAYS

    @property
    def nested_files(self) -> float:
        return min(self.volume.nested_files_per_day, self.volume.files_per_day) * DAYS

    @property
    def flat_files(self) -> float:
        return self.files - self.nested_files

    @property
    def megabytes_per_file(self) -> float:
        return self.volume.bytes_per_file / 1e6

    @property
    def gigabytes(self) -> float:
        """What is dropped in a month."""
        return self.files * self.volume.bytes_per_file / GIGABYTE

    @property
    def kept_gigabytes(self) -> float:
        """What lies in the bucket after the months that are asked about."""
        return self.gigabytes * self.volume.months

    @property
    def builds(self) -> float:
        return self.volume.builds_per_day * DAYS

    @property
    def requests(self) -> float:
        return self.volume.api_requests_per_day * DAYS

    @property
    def runs(self) -> float:
        """Executions that hold the lease: one for each build, and each sweep, which mostly finds nothing."""
        return self.builds + self.sweeps

    @property
    def executions(self) -> float:
        """Every drop starts one; most register their file with a run that is under way."""
        return self.files + self.runs

    @property
    def objects_written(self) -> float:
        """Files; for a nested one parts, tables and what is about them; for a build results, exports and the lake."""
        return self.files + 20 * self.nested_files + 30 * self.builds

    @property
    def objects_read(self) -> float:
        """Every object once or twice, and the lists that a sweep reads, one for each thousand files."""
        return 2 * self.objects_written + self.sweeps * (1 + self.files * self.volume.months / 1000)


def times_per_day(schedule: str) -> float:
    """How often a schedule comes due; one of cron is taken for hourly, which is at most a dollar off."""
    match = _RATE.fullmatch(schedule)
    return _PER_DAY[match[2]] / int(match[1]) if match else 24.0


def _schedule(resource: Resource) -> str | None:
    # Of a rule and of a schedule of EventBridge Scheduler.
    text = resource.properties.get("ScheduleExpression")
    return str(text) if text else None


def _starts_pipeline(resource: Resource) -> bool:
    targets = resource.properties.get("Targets") or [resource.properties.get("Target", {})]
    return any("StateMachine" in str(target.get("Arn", "")) for target in targets)
