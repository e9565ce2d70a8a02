"""The operator's errors: one line on stderr that says what happened and what to do."""


class OperatorError(Exception):
    """Something asked of `xtage` cannot be done. `str()` gives "what happened; what to do"."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy
