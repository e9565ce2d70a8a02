"""What the harness does itself in place of a statement."""

from __future__ import annotations

from localcloud.redshift import views
from localcloud.redshift.backend import Backend
from localcloud.redshift.copy import Copy
from localcloud.redshift.session import Action
from localcloud.redshift.tokens import Statement
from localcloud.redshift.unload import Unload
from localcloud.settings import Settings


class Actions:
    """Knows which statements the harness does itself."""

    def __init__(self, settings: Settings) -> None:
        self._by_word: dict[str, Action] = {"copy": Copy(settings), "truncate": truncate, "unload": Unload(settings)}

    def of(self, statement: Statement) -> Action | None:
        """What is done in place of this statement; None when PostgreSQL does it."""
        if views.is_late_binding(statement):
            return views.create_late_binding
        return self._by_word.get(statement.word(0))


async def truncate(backend: Backend, statement: Statement) -> str:
    """TRUNCATE, which commits: https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html"""
    await backend.run(statement.source(0, len(statement.tokens)))
    if backend.status == b"T":
        await backend.run("commit")
    return "TRUNCATE TABLE"
