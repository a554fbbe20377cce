"""What an app may ask about conversations and people."""

from __future__ import annotations

from typing import Any

from tests.emulators.slack.conversation import Conversation
from tests.emulators.slack.message import Message
from tests.emulators.slack.people import Person
from tests.emulators.slack.refusals import Refused, missing_argument

from .method import Caller, Method, page

_READ = {"channel": "channels:read", "group": "groups:read", "im": "im:read", "mpim": "mpim:read"}
_HISTORY = {"channel": "channels:history", "group": "groups:history", "im": "im:history", "mpim": "mpim:history"}


def conversations_open(caller: Caller) -> dict[str, Any]:
    if caller.params.text("channel"):
        where = caller.conversation()
    else:
        ids = [one.strip() for one in caller.params.text("users").split(",") if one.strip()]
        if not ids:
            raise Refused("users_list_not_supplied")
        if len(ids) > 8:
            raise Refused("too_many_users")
        caller.needs("im:write" if len(ids) == 1 else "mpim:write")
        people = [caller.team.member(id) for id in ids]
        if None in people or caller.installation.bot in people:
            raise Refused("user_not_found")
        where = caller.team.direct(*[one for one in people if one is not None], caller.installation.bot)
    full = caller.params.flag("return_im")
    return {"channel": where.as_json(caller.installation.bot) if full else {"id": where.id}}


def conversations_info(caller: Caller) -> dict[str, Any]:
    where = caller.conversation()
    caller.needs(_READ[where.kind])
    return {"channel": where.as_json(caller.installation.bot)}


def conversations_members(caller: Caller) -> dict[str, Any]:
    where = caller.conversation()
    caller.needs(_READ[where.kind])
    members, metadata = page(caller, [one.id for one in where.members])
    return {"members": members, "response_metadata": metadata}


def conversations_history(caller: Caller) -> dict[str, Any]:
    where = _to_read(caller)
    every = [one for one in where.messages if one.only_for is None and not one.thread_ts]
    return _messages(caller, list(reversed(_between(caller, every))))


def conversations_replies(caller: Caller) -> dict[str, Any]:
    where = _to_read(caller)
    first = where.message(caller.params.required("ts"))
    if first is None:
        raise Refused("thread_not_found")
    first = where.message(first.thread_ts or first.ts) or first
    replies = [one for one in first.thread if one.only_for is None]
    return _messages(caller, [first, *_between(caller, replies)])


def users_info(caller: Caller) -> dict[str, Any]:
    caller.needs("users:read")
    person = caller.team.member(caller.params.required("user"))
    if person is None:
        raise Refused("user_not_found")
    return {"user": _user(caller, person)}


def users_list(caller: Caller) -> dict[str, Any]:
    caller.needs("users:read")
    people, metadata = page(caller, caller.team.members, default=1000)
    return {"members": [_user(caller, one) for one in people], "response_metadata": metadata}


def users_lookup_by_email(caller: Caller) -> dict[str, Any]:
    caller.needs("users:read.email")
    email = caller.params.required("email").lower()
    person = next((one for one in caller.team.people if one.email.lower() == email), None)
    if person is None:
        raise Refused("users_not_found")
    return {"user": _user(caller, person)}


def bots_info(caller: Caller) -> dict[str, Any]:
    caller.needs("users:read")
    bot = caller.installation.bot
    if not caller.params.text("bot"):
        raise missing_argument("bot")
    if caller.params.text("bot") != bot.bot_id:
        raise Refused("bot_not_found")
    body = {"id": bot.bot_id, "deleted": False, "name": caller.world.app.name, "updated": 1_700_000_000}
    return {"bot": body | {"app_id": caller.world.app.id, "user_id": bot.id, "icons": {}}}


def team_info(caller: Caller) -> dict[str, Any]:
    caller.needs("team:read")
    team = caller.team
    return {"team": {"id": team.id, "name": team.name, "domain": team.domain, "email_domain": "", "icon": {}}}


def _user(caller: Caller, person: Person) -> dict[str, Any]:
    body = person.as_json(with_email="users:read.email" in caller.installation.scopes)
    if not caller.params.flag("include_locale"):
        del body["locale"]
    return body


def _to_read(caller: Caller) -> Conversation:
    where = caller.conversation()
    caller.needs(_HISTORY[where.kind])
    if caller.installation.bot not in where.members:
        raise Refused("not_in_channel")
    return where


def _between(caller: Caller, messages: list[Message]) -> list[Message]:
    oldest, latest = caller.params.text("oldest"), caller.params.text("latest")
    for name, value in (("invalid_ts_oldest", oldest), ("invalid_ts_latest", latest)):
        if value and not value.replace(".", "", 1).isdigit():
            raise Refused(name)
    low, high = float(oldest or 0), float(latest or "inf")
    with_ends = caller.params.flag("inclusive")
    return [one for one in messages if low < float(one.ts) < high or (with_ends and float(one.ts) in (low, high))]


def _messages(caller: Caller, messages: list[Message]) -> dict[str, Any]:
    some, metadata = page(caller, messages)
    more = bool(metadata["next_cursor"])
    body = {"messages": [one.as_json() for one in some], "has_more": more, "pin_count": 0}
    return body | ({"response_metadata": metadata} if more else {})


METHODS: dict[str, Method] = {
    "conversations.open": conversations_open,
    "conversations.info": conversations_info,
    "conversations.members": conversations_members,
    "conversations.history": conversations_history,
    "conversations.replies": conversations_replies,
    "users.info": users_info,
    "users.list": users_list,
    "users.lookupByEmail": users_lookup_by_email,
    "bots.info": bots_info,
    "team.info": team_info,
}
