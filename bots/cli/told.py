"""What a command could not do, in the three sentences of the terminal."""


class Told(Exception):
    """What happened, why, what to do."""

    def __init__(self, what: str, why: str, remedy: str) -> None:
        super().__init__(what, why, remedy)
        self.what, self.why, self.remedy = what, why, remedy


def key_in_variable() -> Told:
    return Told(
        "The master key stands in NOD_MASTER_KEY.",
        "Nod cannot change its own environment.",
        "Put a new key in front of the old one there (NEW,OLD), restart every process at once, then run: nod keys rewrap",
    )


def still_running() -> Told:
    return Told("Nod runs on this data folder.", "This needs it to stand still.", "Stop it, then try again.")


def no_such_event() -> Told:
    return Told("There is no such event.", "It was handled meanwhile, or never given up.", "See: nod events list")


def not_given_up() -> Told:
    return Told("This is not given up.", "It never was, or somebody saw to it meanwhile.", "See: nod failed list")
