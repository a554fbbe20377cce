"""`nod events`: what platforms handed over and could not be handled, and trying it again."""

from uuid import UUID

from bots import wiring
from bots.cli.told import no_such_event

MOST = 200


def show() -> str:
    """What was given up, newest first: when, where from, why. Nothing of its content."""
    with wiring.administration() as storage:
        given_up = storage.inbox.set_aside(MOST)
    if not given_up:
        return "No event was given up."
    return "\n".join(
        f"{event.id}  {event.received_at:%Y-%m-%d %H:%M:%S}  {event.channel:<10} {event.error}" for event in given_up
    )


def retry(which: str) -> str:
    """Tries one again, or `all` of them. Raises Told."""
    with wiring.administration() as storage:
        if which == "all":
            ids = [event.id for event in storage.inbox.set_aside(MOST)]
        else:
            try:
                ids = [UUID(which)]
            except ValueError:
                raise no_such_event() from None
        again = sum(storage.inbox.try_again(id) for id in ids)
    if not again and which != "all":
        raise no_such_event()
    return f"{again} will be tried again by the process of their platform."
