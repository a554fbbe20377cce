"""Administration from the terminal: people and keys."""

from typing import get_args

from bots.cli import tier
from bots.wiring import administration
from core.identity.prove import make_key
from core.identity.register import register
from core.identity.sign_in import local_person, vouch
from core.kernel.actor import Actor, Scope
from core.kernel.errors import Conflict, Failure, Invalid, NotFound
from core.kernel.ids import new_id
from core.privacy import leave

_WORDS = {
    "identity.email_taken": ("There is somebody with this address already.", "Addresses are unique.", "Use another one."),
    "identity.email_invalid": ("This is not an e-mail address.", "It needs a name, an @ and a host.", "Check it, then try again."),
    "identity.email_made_up": ("This address is nobody's mailbox.", "Nod made it up for somebody who brought none.", "They can say theirs in Settings, under E-mail."),
    "identity.user_unknown": ("Nobody has this address.", "Nod looked among the people of this installation; who came by a chat may have none yet.", "Check it; or add them first: nod user add EMAIL"),
    "identity.scopes_wrong": ("These scopes are not known.", "There are read, write and approve.", "Try: --scopes read,write"),
    "approvals.outcome_unknown": ("Nobody can say whether this was done.", "Doing it again could do it twice.", "Open its card in the chat and say what became of it."),
    "workflows.given_up_waits": ("This was not given up.", "It is due, and nobody took it yet.", "Run `nod doctor`: a worker has to run."),
    "workflows.given_up_not_allowed": ("This person may not see it.", "What was given up is for owners and admins.", "Name one of them: --email"),
    "identity.code_refused": ("This code brings nobody back.", "It is unknown, used, or older than thirty days.", "Check it, then try again."),
    "identity.timezone_unknown": ("This timezone is not known.", "IANA names are needed.", "Try: --timezone Europe/Berlin"),
}  # fmt: skip


def add_user(email: str, name: str, timezone: str) -> str:
    """Adds a person; answers their id. Raises Conflict `identity.email_taken`, Invalid `identity.email_invalid`, `identity.timezone_unknown`."""
    if email.count("@") != 1 or not all(email.split("@")) or any(c.isspace() for c in email):
        raise Invalid("identity.email_invalid")
    with administration() as storage:
        if storage.directory.by_email(email) is not None:
            raise Conflict("identity.email_taken")
        user_id = new_id()
        with storage.work(new_id(), user_id) as work:
            register(work, user_id, email, name, timezone)
            work.commit()
    return str(user_id)


def verify_user(email: str) -> str:
    """Whoever runs the installation vouches for the address; answers what that means. Raises NotFound `identity.user_unknown`, Invalid `identity.email_made_up`."""
    if email.strip().lower().endswith(".invalid"):
        raise Invalid("identity.email_made_up")
    with administration() as storage:
        known = local_person(storage.directory, email)
        if known is None:
            raise NotFound("identity.user_unknown")
        with storage.work(known.workspace_id, known.user_id) as work:
            name = vouch(work, known.user_id)
            work.commit()
    return f"{name} is taken as theirs from now on: they can found a family or a team."


def come_back(code: str) -> str:
    """Brings back whoever left with that code; answers their address. Raises Invalid `identity.code_refused`, Conflict `identity.code_used`."""
    with administration() as storage:
        known = leave.who_left(storage.directory, code)
        with storage.work(known.workspace_id, known.user_id) as work:
            leave.come_back(work, known, "cli")
            email = work.people.user(known.user_id).email
            work.commit()
    return email


def create_key(email: str, scopes: str, name: str) -> str:
    """Makes a key for the person with that address; answers its secret. Raises NotFound `identity.user_unknown`, Invalid `identity.scopes_wrong`."""
    wanted = [part.strip() for part in scopes.split(",") if part.strip()]
    allowed: list[Scope] = [scope for scope in get_args(Scope) if scope in wanted]
    if not wanted or len(allowed) != len(set(wanted)):
        raise Invalid("identity.scopes_wrong")
    with administration() as storage:
        known = local_person(storage.directory, email)
        if known is None:
            raise NotFound("identity.user_unknown")
        with storage.work(known.workspace_id, known.user_id) as work:
            _, secret = make_key(work, Actor(known.user_id, known.workspace_id, known.role, "cli"), name, allowed)
            work.commit()
    return secret


def in_words(failure: Failure) -> tuple[str, str, str]:
    """What happened, why, what to do."""
    return tier.in_words(failure) or _WORDS.get(
        failure.code, ("That did not work.", f"Reason: {failure.code}", "Run `nod doctor`.")
    )
