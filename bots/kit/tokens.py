"""Callback tokens: what a button carries through a platform and back. At most 64 bytes (Telegram Bot API, InlineKeyboardButton
`callback_data`), good in one chat only, and not to be made up: an HMAC binds action and arguments to the chat's link."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol
from uuid import UUID

from bots.kit.dialog import actions
from core.kernel.errors import Invalid

LIMIT = 64
_MAC, _NAME = 12, 4


class Pressed(Protocol):
    """A button or a form: what it does, with which arguments."""

    @property
    def action(self) -> str: ...

    @property
    def args(self) -> tuple[str, ...]: ...


class Tokens:
    """Packs and unpacks. `key` is derived from the master key; `names` are the actions there are."""

    def __init__(self, key: bytes, names: Callable[[], Iterable[str]] = lambda: actions) -> None:
        self._key = key
        self._names = names
        self._known: dict[str, str] = {}

    def pack(self, button: Pressed, link_id: UUID) -> str:
        """12 characters of HMAC, 4 that stand for the action, then the arguments (a UUID takes 23). Raises ValueError when that is more
        than 64 bytes or the action is not registered: a mistake of the dialog."""
        short = _short(button.action)
        if self._action(short) != button.action:
            raise ValueError(f"{button.action} is not an action, or shares its short name with {self._action(short)}")
        body = short + _args_out(button.args)
        token = self._mac(body, link_id) + body
        if len(token.encode()) > LIMIT:
            raise ValueError(f"the button {button.action}{button.args} takes more than {LIMIT} bytes")
        return token

    def unpack(self, token: str, link_id: UUID) -> tuple[str, tuple[str, ...]]:
        """Raises Invalid `messaging.button_forged` for one that we did not make for this chat, `messaging.button_unknown` for an action
        that is no more."""
        mac, body = token[:_MAC], token[_MAC:]
        try:
            genuine = hmac.compare_digest(mac.encode(), self._mac(body, link_id).encode())
            args = _args_in(body[_NAME:]) if genuine else ()
        except (UnicodeEncodeError, ValueError):
            genuine, args = False, ()
        if not genuine:
            raise Invalid("messaging.button_forged")
        action = self._action(body[:_NAME])
        if action is None:
            raise Invalid("messaging.button_unknown", action=body[:_NAME])
        return action, args

    def named(self, token: str) -> str | None:
        """The action that a token names, without any proof: good for nothing but a guess at what will be shown."""
        return self._action(token[_MAC : _MAC + _NAME])

    def _mac(self, body: str, link_id: UUID) -> str:
        digest = hmac.new(self._key, link_id.bytes + body.encode(), hashlib.sha256).digest()
        return _base64(digest[: _MAC * 6 // 8])

    def _action(self, short: str) -> str | None:
        if short not in self._known:
            self._known = {}
            for name in self._names():
                other = self._known.setdefault(_short(name), name)
                if other != name:
                    raise RuntimeError(f"the actions {name} and {other} share a short name: rename one")
        return self._known.get(short)


def _short(action: str) -> str:
    return _base64(hashlib.sha256(action.encode()).digest()[: _NAME * 6 // 8])


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _args_out(args: Sequence[str]) -> str:
    return "".join("|" + _arg_out(arg) for arg in args)


def _arg_out(arg: str) -> str:
    try:
        if len(arg) == 36 and str(UUID(arg)) == arg:
            return "~" + _base64(UUID(arg).bytes)
    except ValueError:
        pass
    return arg.replace("\\", "\\\\").replace("|", "\\p").replace("~", "\\t")


def _args_in(packed: str) -> tuple[str, ...]:
    return tuple(_arg_in(part) for part in packed.split("|")[1:])


def _arg_in(part: str) -> str:
    if part.startswith("~"):
        return str(UUID(bytes=urlsafe_b64decode(part[1:] + "==")))
    return "\\".join(piece.replace("\\p", "|").replace("\\t", "~") for piece in part.split("\\\\"))
