"""What a rule on approvals lets happen, in sentences: whose yes it takes, how long it can be taken back, how long it waits."""

from bots.dialogs.people import who
from bots.kit.dialog import Chat
from core.approvals.policy import DEFAULT, PolicySpec
from core.connectors.kinds import integrations
from core.connectors.manifest import OperationManifest


def operation_name(chat: Chat, operation: str) -> str:
    """`Sending mail`; what has no words of its own goes by its name."""
    if operation == DEFAULT:
        return chat.say("policy.everything")
    code = f"policy.operation.{operation}"
    return chat.say(code) if chat.say.knows(code) else chat.say("policy.other", name=operation)


def sentences(chat: Chat, operation: str, spec: PolicySpec) -> tuple[str, ...]:
    """All that holds for the operation under the rule."""
    said = [_who(chat, spec)]
    if not alone(chat):
        said.append(chat.say("policy.own" if spec.own_request else "policy.not_own"))
    if spec.escalate_to is not None:
        said.append(chat.say("policy.escalates", who=who(chat, spec.escalate_to)))
    said += [_undo(chat, operation, spec), chat.say("policy.lapses", seconds=spec.expiry_seconds)]
    ahead = spec.reminder_seconds
    said.append(chat.say("policy.no_reminder") if ahead is None else chat.say("policy.reminder", seconds=ahead))
    if not _held(operation, spec):
        said.append(
            chat.say("policy.twice" if spec.amount_limit is None else "policy.twice.amount", amount=spec.amount_limit)
        )
    return tuple(said)


def short(chat: Chat, operation: str, spec: PolicySpec) -> str:
    """Whose yes it takes, and whether that can be taken back."""
    return f"{_who(chat, spec)} {_undo(chat, operation, spec)}"


def alone(chat: Chat) -> bool:
    """Whether there is nobody else who could say yes."""
    return len(chat.work.people.active_members()) == 1


def role(chat: Chat, name: str) -> str:
    """`an admin`."""
    return chat.say(f"policy.role.{name}")


def _who(chat: Chat, spec: PolicySpec) -> str:
    if alone(chat):
        return chat.say("policy.who.you")
    roles = [role(chat, name) for name in spec.allowed_roles]
    people = [who(chat, user_id) for user_id in spec.allowed_people]
    if not people:
        return chat.say("policy.who", n=spec.quorum, roles=roles)
    if not roles:
        return chat.say("policy.who.people", n=spec.quorum, people=people)
    return chat.say("policy.who.both", n=spec.quorum, roles=roles, people=people)


def _undo(chat: Chat, operation: str, spec: PolicySpec) -> str:
    if spec.undo_seconds is None and operation == DEFAULT:
        return chat.say("policy.undo.usual")
    seconds = _held(operation, spec)
    return chat.say("policy.undo", seconds=seconds) if seconds else chat.say("policy.undo.none")


def _held(operation: str, spec: PolicySpec) -> int:
    """For how many seconds a yes can be taken back."""
    if spec.undo_seconds is not None:
        return spec.undo_seconds
    return max((each.undo_seconds for each in _declared(operation)), default=0)


def _declared(operation: str) -> list[OperationManifest]:
    return [each for known in integrations().values() for each in known.operations if each.name == operation]
