"""How often the functions are called in a month, and for how long, by the entry that each one runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xtage.cost.volume import DAYS, Usage

# One million sales as CSV from S3 took 1.18 s of a processor for 106 MB, and nested JSON 8.45 (docs/performance.md).
# Lambda gives a whole processor with 1,769 MB of memory, and 0.29 of one with 512.
_FLAT_MEGABYTES_PER_SECOND = 106 / 1.18 * 0.29
_NESTED_MEGABYTES_PER_SECOND = 106 / 8.45

_Calls = Callable[[Usage], tuple[float, float]]

_CALLS: Mapping[str, _Calls] = {
    "loaders.handler.migrate": lambda usage: (4, 5),
    "loaders.handler.open_run": lambda usage: (usage.executions, 0.5),
    "loaders.handler.next_round": lambda usage: (2 * usage.runs, 0.3),
    "loaders.handler.load": lambda usage: (
        usage.flat_files,
        0.5 + usage.megabytes_per_file / _FLAT_MEGABYTES_PER_SECOND,
    ),
    "loaders.handler.split": lambda usage: (usage.nested_files, _nested_seconds(usage)),
    "loaders.handler.land": lambda usage: (usage.nested_files, _nested_seconds(usage)),
    "loaders.handler.record_failure": lambda usage: (0.01 * usage.files, 0.5),
    "loaders.handler.needs_build": lambda usage: (usage.runs, 0.3),
    "loaders.handler.plan_lake": lambda usage: (usage.builds, 10),
    "loaders.handler.switch_lake": lambda usage: (usage.builds, 2),
    "loaders.handler.copy_to_redshift": lambda usage: (usage.builds if usage.has_redshift else 0, 20),
    "loaders.handler.close_run": lambda usage: (usage.runs, 0.3),
    "loaders.handler.fail_run": lambda usage: (0.01 * usage.runs, 0.5),
    "loaders.handler.replay": lambda usage: (4, 5),
    # Four steps for each user, by default every 30 days.
    "loaders.rotate.rotate": lambda usage: (12 if usage.has_redshift else 8, 0.5),
    "api.handler.handle": lambda usage: (usage.requests, 0.2),
    "api.authorizer.authorize": lambda usage: (usage.requests, 0.05),
    "api.connector_handler.handle": lambda usage: (DAYS, 0.2),
    "api.fetcher.run": lambda usage: (24 * DAYS, 2),
}


def function(handler: str, usage: Usage) -> tuple[float, float, str]:
    """Calls in a month, seconds of each, and what to say of them: a handler that is not known is assumed."""
    if handler in _CALLS:
        return (*_CALLS[handler](usage), "")
    return usage.runs, 1.0, " (assumed: once a run)"


def _nested_seconds(usage: Usage) -> float:
    return 1 + usage.megabytes_per_file / _NESTED_MEGABYTES_PER_SECOND
