"""Everything that is changed in ministack, one module per seam.

The seams are private names of a package that moves fast, which is why its version is pinned exactly. `SEAMS` names
them all: `apply` refuses to start when one is gone, and the tests tell which behaviour has moved.
"""

import importlib

from localcloud.aws.patches import (
    api_keys,
    change_sets,
    codebuild_builds,
    databases,
    dead_letters,
    executions,
    glue_jobs,
    lambda_workers,
    metrics,
    nested_stacks,
    object_events,
    permissions,
    placeholders,
    task_roles,
    trails,
    warehouses,
)
from localcloud.aws.patches.seams import SEAMS
from localcloud.aws.saving import Saver
from localcloud.aws.watching import Watcher
from localcloud.errors import LocalCloudError
from localcloud.settings import Settings


def apply(settings: Settings, saver: Saver, watcher: Watcher) -> None:
    """Changes the imported ministack. Raises LocalCloudError when a seam is not where it was."""
    if missing := missing_seams():
        raise LocalCloudError(f"ministack has no {', '.join(missing)}", "use the version that pyproject.toml pins")
    lambda_workers.apply(settings)
    executions.apply(saver.touch)
    task_roles.apply()
    object_events.apply()
    databases.apply(settings)
    warehouses.apply(settings)
    trails.apply()
    placeholders.apply()
    nested_stacks.apply()
    change_sets.apply()
    codebuild_builds.apply(settings)
    glue_jobs.apply(settings)
    api_keys.apply()
    dead_letters.apply()
    metrics.apply(watcher)
    permissions.apply(settings)


def missing_seams() -> list[str]:
    """The seams that the installed ministack does not have."""
    return [seam for seam in SEAMS if not _exists(seam)]


def _exists(seam: str) -> bool:
    module, _, name = seam.partition(":")
    try:
        return hasattr(importlib.import_module(f"ministack.{module}"), name)
    except ModuleNotFoundError:
        return False
