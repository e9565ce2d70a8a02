"""The one exception of the local cloud: what happened, and what the person at the keyboard does about it."""


class LocalCloudError(Exception):
    """A part of the local cloud could not do what was asked.

    `str()` gives one line, "what happened; remedy", fit to be printed as it stands.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy
