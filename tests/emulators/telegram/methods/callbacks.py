"""Answers to taps on inline buttons."""

from __future__ import annotations

import time

from tests.emulators.telegram.deep_links import deep_link
from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.people import Toast
from tests.emulators.telegram.refusals import bad_request
from tests.emulators.telegram.text import units
from tests.emulators.telegram.world import World

from .method import Method

TOAST_LIMIT = 200


def answer_callback_query(world: World, params: Parameters) -> bool:
    text = params.text("text")
    tap = world.taps.get(params.text("callback_query_id").strip())
    too_old = tap is not None and time.monotonic() - tap.at > world.callback_seconds
    if tap is None or tap.answered or tap.expired or too_old:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if units(text) > TOAST_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    url = params.text("url")
    if url:
        _check_url(world, url)
    tap.toast = Toast(text, params.flag("show_alert"), url or None)
    world.notify()
    return True


def _check_url(world: World, url: str) -> None:
    """Without a game, only a deep link of the bot itself."""
    try:
        deep_link(url, str(world.bot.username))
    except AssertionError:
        raise bad_request("URL_INVALID") from None


METHODS: dict[str, Method] = {"answerCallbackQuery": answer_callback_query}
