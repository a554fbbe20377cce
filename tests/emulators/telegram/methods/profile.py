"""What the bot says about itself: its commands per scope and language, its descriptions."""

from __future__ import annotations

import re
from typing import Any

from tests.emulators.telegram.menus import scope_key
from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.refusals import bad_request
from tests.emulators.telegram.world import World

from .method import Method

_SCOPES = {"default", "all_private_chats", "all_group_chats", "all_chat_administrators"}
_CHAT_SCOPES = {"chat", "chat_administrators", "chat_member"}
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")


def get_me(world: World, params: Parameters) -> dict[str, Any]:
    bot = world.bot
    return bot.as_json() | {
        "can_join_groups": True,
        "can_read_all_group_messages": bot.reads_all_group_messages,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
        "allows_users_to_create_topics": False,
        "can_manage_bots": False,
        "supports_guest_queries": False,
    }


def set_my_commands(world: World, params: Parameters) -> bool:
    scope, language = _scope(world, params), _language(params)
    given = params.json("commands", "can't parse commands JSON object") or []
    if not isinstance(given, list):
        raise bad_request("expected an Array of BotCommand")
    if len(given) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    world.commands[scope, language] = [_command(one) for one in given]
    return True


def get_my_commands(world: World, params: Parameters) -> list[dict[str, str]]:
    return world.commands.get((_scope(world, params), _language(params)), [])


def delete_my_commands(world: World, params: Parameters) -> bool:
    world.commands.pop((_scope(world, params), _language(params)), None)
    return True


def _scope(world: World, params: Parameters) -> str:
    scope = params.json("scope", "can't parse BotCommandScope JSON object") or {"type": "default"}
    if not isinstance(scope, dict):
        raise bad_request("can't parse BotCommandScope: BotCommandScope must be an Object")
    kind = scope.get("type")
    if kind not in _SCOPES | _CHAT_SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if kind in _CHAT_SCOPES:
        if not scope.get("chat_id"):
            raise bad_request("can't parse BotCommandScope: Empty chat_id specified")
        if int(scope["chat_id"]) not in world.chats:
            raise bad_request("chat not found")
        scope = {**scope, "chat_id": int(scope["chat_id"])}
        if kind == "chat_member":
            if not scope.get("user_id"):
                raise bad_request("can't parse BotCommandScope: Invalid user_id specified")
            scope["user_id"] = int(scope["user_id"])
    return scope_key(scope)


def _language(params: Parameters) -> str:
    language = params.text("language_code")
    if not _LANGUAGE.fullmatch(language):
        raise bad_request("invalid language code specified")
    return language


def _command(one: Any) -> dict[str, str]:
    if not isinstance(one, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    for name in ("command", "description"):
        if not isinstance(one.get(name), str):
            raise bad_request(f"can't parse BotCommand: Can't find field \"{name}\"")
    command, description = (one["command"].strip().removeprefix("/"), one["description"].strip())
    if not command:
        raise bad_request("command must be non-empty")
    if len(command) > 32:
        raise bad_request("command length must not exceed 32")
    if not description:
        raise bad_request("command description must be non-empty")
    if len(description) > 256:
        raise bad_request("command description length must not exceed 256")
    if not _COMMAND.fullmatch(command):
        raise bad_request("BOT_COMMAND_INVALID")
    return {"command": command, "description": description}


def _text_methods(method: str, field: str, limit: int, refusal: str) -> dict[str, Method]:
    def change(world: World, params: Parameters) -> bool:
        if len(params.text(field)) > limit:
            raise bad_request(refusal)
        world.texts[field, _language(params)] = params.text(field)
        return True

    def read(world: World, params: Parameters) -> dict[str, str]:
        language = _language(params)
        return {field: world.texts.get((field, language)) or world.texts.get((field, ""), "")}

    return {f"setMy{method}": change, f"getMy{method}": read}


METHODS: dict[str, Method] = {
    "getMe": get_me,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    **_text_methods("Description", "description", 512, "description is too long"),
    **_text_methods("ShortDescription", "short_description", 120, "short description is too long"),
}
