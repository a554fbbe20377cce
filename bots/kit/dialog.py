"""How dialogs are written: once, for every door. A handler gets a Chat and answers with a Reply; renderers turn a subject
(a suggestion, a run) into the screen that is true now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from bots.kit.place import Place
from bots.kit.screen import Screen
from bots.kit.words import Say
from core.identity.models import IdentityLink, User, UserProfile
from core.kernel.actor import Actor
from core.kernel.errors import Invalid
from core.messaging.models import Room


@dataclass(frozen=True)
class Tap:
    """A button was pressed, on the message of `delivery_id` where the door knows it."""

    action: str
    args: tuple[str, ...]
    delivery_id: UUID | None = None


@dataclass(frozen=True)
class Text:
    """Words were sent; `reply_to` is the delivery that they answer."""

    text: str
    reply_to: UUID | None = None


@dataclass(frozen=True)
class Upload:
    """A file was handed over; its bytes are in the content store."""

    name: str
    blob: str
    size: int
    caption: str = ""


@dataclass(frozen=True)
class Submit:
    """A form was filled in. `values` are strings, lists of strings for choices, or an Upload for a file."""

    action: str
    args: tuple[str, ...]
    values: Mapping[str, Any]
    delivery_id: UUID | None = None


Input = Tap | Text | Upload | Submit


@dataclass(frozen=True)
class Reply:
    """What comes of an input: a `screen` as a new message or in place of the one that was tapped; a `toast` that answers the tap at
    once (`alert`: one that must be closed). `subject` (kind, id) instead of a screen puts that subject's own card there. `understood`: words of the
    person's own said something that had an effect, at which a door may nod."""

    screen: Screen | None = None
    mode: Literal["new", "replace"] = "new"
    toast: str | None = None
    alert: bool = False
    subject: tuple[str, UUID] | None = None
    understood: bool = False


def _nowhere(workspace_id: UUID) -> Any:
    raise RuntimeError("this chat knows one workspace only")


@dataclass
class Chat:
    """One person in one chat, within one transaction. `work` is the unit of work (all repositories), `say(code, **data)` a
    sentence in the person's language; `place` knows formats of dates, times and money by their locale and timezone; `blobs` is the person's content store;
    `heard` is the id of the message that the input was kept as. Where something is drawn for a `room`, nobody in particular reads it: the person is the one whom it is about,
    `link` stands for the room, and the actor may do nothing. `at(workspace_id)` opens a unit of work in the person's own name in another workspace, which the
    handler commits; whether they are in it is for the handler to ask."""

    work: Any
    actor: Actor
    user: User
    profile: UserProfile
    link: IdentityLink
    say: Say
    place: Place
    catalog: Any
    blobs: Any
    input: Input | None = None
    trace: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    heard: UUID | None = None
    mail: bool = False
    model: bool = False
    room: Room | None = None
    at: Callable[[UUID], Any] = _nowhere
    directory: Any = None
    inbox: Any = None

    @property
    def tapped(self) -> UUID | None:
        """The delivery whose button was pressed, where the door knows it."""
        return self.input.delivery_id if isinstance(self.input, Tap) else None

    @property
    def on_message(self) -> bool:
        """Whether what was tapped is something that was said, and not a card about a subject."""
        return self.tapped is not None and self.work.messages.shown(self.tapped).subject_kind == "message"

    @property
    def in_place(self) -> Literal["new", "replace"]:
        """How a page follows a tap: in place of the page that it was tapped on; a card stays where it is."""
        return "replace" if self.on_message else "new"

    @property
    def thread(self) -> str | None:
        """Where in the chat the person speaks, on surfaces that have threads: what is said to them stands there too."""
        return self.extra.get("thread")


class Tried(Exception):
    """Raised by a handler that did something only to see what would come of it: all of it is taken back, and `reply` answers in a transaction of its own."""

    def __init__(self, reply: Callable[[Chat], Reply]) -> None:
        super().__init__()
        self.reply = reply


Handler = Callable[..., Reply]
Renderer = Callable[[Chat, UUID], Screen]

actions: dict[str, Handler] = {}
commands: dict[str, Handler] = {}
renderers: dict[str, Renderer] = {}
steps: dict[str, Handler] = {}
replies: dict[str, Handler] = {}
unasked_for: dict[str, Callable[["Chat"], "Reply | None"]] = {}
notices: dict[str, Callable[[Chat, Mapping[str, Any]], Screen]] = {}


def action(name: str) -> Callable[[Handler], Handler]:
    """Registers what a button or a form does: `handler(chat, *args)`, for a form `handler(chat, *args, values)`."""
    return _register(actions, name)


def command(name: str) -> Callable[[Handler], Handler]:
    """Registers `/name`: `handler(chat, rest_of_the_line)`."""
    return _register(commands, name)


def step(dialog: str) -> Callable[[Handler], Handler]:
    """Registers who hears free words or a file while the conversation is in `dialog`: `handler(chat, conversation)`."""
    return _register(steps, dialog)


def unasked(what: Literal["words", "file"]) -> Callable[[Any], Any]:
    """Registers who hears what nobody asked for: `handler(chat)`, which answers None where it has no use for it."""
    return _register(unasked_for, what)


def reply_to(subject_kind: str) -> Callable[[Handler], Handler]:
    """Registers who hears words that answer a card (a swipe to reply): `handler(chat, subject_id)`; the words are `chat.input`."""
    return _register(replies, subject_kind)


def notice(code: str) -> Callable[[Any], Any]:
    """Registers how a stored `{"say": code, "data": …}` is shown where its sentence alone does not do: `screen = f(chat, data)`."""
    return _register(notices, code)


def renderer(subject_kind: str) -> Callable[[Renderer], Renderer]:
    """Registers how a subject is shown as it is now."""
    return _register(renderers, subject_kind)


def _register(table: dict[str, Any], name: str) -> Callable[[Any], Any]:
    def add(function: Any) -> Any:
        if name in table:
            raise RuntimeError(f"{name} is registered twice")
        table[name] = function
        return function

    return add


def handler_of(name: str) -> Handler:
    """Raises Invalid `messaging.button_unknown` for a button of an older version."""
    try:
        return actions[name]
    except KeyError:
        raise Invalid("messaging.button_unknown", action=name) from None
