"""The text of a call: parsed, cleaned, measured in UTF-16 units after parsing, as the server does it."""

from __future__ import annotations

from typing import Any

from tests.emulators.telegram.html import parse_html
from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.refusals import bad_request, not_emulated
from tests.emulators.telegram.text import (
    CAPTION_LIMIT,
    MESSAGE_LIMIT,
    Entity,
    clean,
    explicit_entities,
    units,
    with_detected,
)
from tests.emulators.telegram.world import World


def message_text(world: World, params: Parameters) -> tuple[str, list[Entity]]:
    if not params.text("text"):
        raise bad_request("message text is empty")
    text, entities = formatted(world, params, "text", "entities")
    if not text:
        raise bad_request("text must be non-empty")
    if units(text) > MESSAGE_LIMIT:
        raise bad_request("message is too long")
    return text, entities


def caption(world: World, params: Parameters) -> tuple[str, list[Entity]]:
    text, entities = formatted(world, params, "caption", "caption_entities")
    if units(text) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    return text, entities


def link_preview(params: Parameters) -> dict[str, Any] | None:
    options = params.json("link_preview_options", "can't parse link preview options JSON object")
    if options is None:
        return {"is_disabled": True} if params.flag("disable_web_page_preview") else None
    if not isinstance(options, dict):
        raise bad_request("object expected as link preview options")
    return {name: value for name, value in options.items() if value}


def formatted(world: World, params: Parameters, name: str, entities_name: str) -> tuple[str, list[Entity]]:
    """The text of a parameter, parsed and cleaned, not measured yet; it may be empty."""
    text, mode = params.text(name), params.text("parse_mode").lower()
    if len(text.encode("utf-8", "replace")) > 1 << 15:
        raise bad_request("text is too long")
    if mode in {"", "none"}:
        given = params.json(entities_name, "can't parse entities JSON object")
        entities = explicit_entities(given, text)
    elif mode == "html":
        text, entities = parse_html(text)
    elif mode in {"markdown", "markdownv2"}:
        raise not_emulated(f"parse_mode {params.text('parse_mode')}")
    else:
        raise bad_request("unsupported parse_mode")
    text, entities = clean(text, [e for e in (_with_person(world, e) for e in entities) if e])
    return text, with_detected(text, entities)


def _with_person(world: World, entity: Entity) -> Entity | None:
    """A mention by id names somebody the bot knows, or is dropped."""
    if entity["type"] != "text_mention":
        return entity
    account = world.account(int(entity.get("user", {}).get("id", 0)))
    return {**entity, "user": account.as_json()} if account else None
