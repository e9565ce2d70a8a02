"""What the harness does itself in place of a statement."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.redshift.backend import Backend
from localcloud.redshift.session import Action
from localcloud.redshift.tokens import Statement
from localcloud.settings import Settings


def actions(settings: Settings) -> Mapping[str, Action]:
    """By the first word of their statement."""
    return {"truncate": truncate}


async def truncate(backend: Backend, statement: Statement) -> str:
    """TRUNCATE, which commits: https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html"""
    await backend.run(statement.source(0, len(statement.tokens)))
    if backend.status == b"T":
        await backend.run("commit")
    return "TRUNCATE TABLE"
