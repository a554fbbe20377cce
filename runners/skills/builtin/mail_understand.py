"""One mail becomes facts, which the agent remembers."""

from typing import ClassVar

from pydantic import BaseModel

from core.orchestration.ports import SkillContext, Snapshot
from runners.mail.facts import MailFacts, MailProblem, MailRef
from runners.mail.understand import Owner, understand

DATA_TYPE = "mail"
_SERIOUS = frozenset(("structure", "part"))


class Input(BaseModel):
    """Which mail."""

    mail: MailRef


class Output(BaseModel):
    """What it says. `problems` names a mail of which parts could not be read."""

    facts: MailFacts
    problems: list[MailProblem] = []


class MailUnderstand:
    name: ClassVar[str] = "mail.understand"
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Never fails for what is in the mail. Raises NotFound when its bytes are no longer kept."""
        ref = inputs.mail
        owner = Owner(
            addresses=tuple(address.lower() for address in context.account_addresses),
            name=context.owner_name,
            language=context.language,
            zone=context.timezone,
        )
        facts, damaged = understand(context.blobs.get(ref.blob), ref, owner, context.now)
        if not context.dry_run:
            context.memory.remember(
                Snapshot(ref.connection_id, DATA_TYPE, ref.id, facts.model_dump(mode="json"), ref.blob, context.now)
            )
        problems = [
            MailProblem(
                item_id=ref.id, code="orchestration.mail_damaged", data={"how": how, "subject": facts.subject[:200]}
            )
            for how in damaged
            if how in _SERIOUS
        ]
        return Output(facts=facts, problems=problems)
