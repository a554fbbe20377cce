"""What an operator is told when an embedded server cannot run: what happened, why, what to do."""


class EmbeddedError(Exception):
    """An embedded server cannot be started, reached or kept. The three sentences are meant for the terminal."""

    def __init__(self, what: str, why: str, remedy: str) -> None:
        super().__init__(what, why, remedy)
        self.what, self.why, self.remedy = what, why, remedy

    def __str__(self) -> str:
        return f"{self.what}\n  Why: {self.why}\n  What to do: {self.remedy}"


class AlreadyRunning(EmbeddedError):
    """Another Nod holds the data folder."""
