"""Whether what a run gave was of use: one tap, for doors that can show it small."""

from uuid import UUID

from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Button
from bots.kit.words import Say
from core.orchestration.rate import rate


def ask(say: Say, run_id: UUID) -> tuple[Button, Button]:
    """*This helped*, and *This did not help*."""
    args = (str(run_id),)
    return (
        Button(label=say("run.helped"), action="run.helped", args=args),
        Button(label=say("run.helped_not"), action="run.helped_not", args=args),
    )


@action("run.helped")
def helped(chat: Chat, run_id: str) -> Reply:
    """It was."""
    rate(chat.work, chat.actor, UUID(run_id), True)
    return Reply(toast=chat.say("run.rated"))


@action("run.helped_not")
def helped_not(chat: Chat, run_id: str) -> Reply:
    """It was not."""
    rate(chat.work, chat.actor, UUID(run_id), False)
    return Reply(toast=chat.say("run.rated_not"))
