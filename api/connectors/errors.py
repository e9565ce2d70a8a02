"""Why a fetch failed: what happened, at which request, and what to do."""

from __future__ import annotations


class FetchError(Exception):
    """The fetch failed whole: nothing of it landed, and the next one begins where this one began."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")


class PassingError(FetchError):
    """A failure that may pass by itself; `wait` is how many seconds the other side asked for."""

    def __init__(self, problem: str, wait: float | None = None) -> None:
        super().__init__(problem, "fetch again later")
        self.wait = wait
