"""How the bot is told of updates: which kinds, and where to."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.refusals import bad_request
from tests.emulators.telegram.webhook import Webhook
from tests.emulators.telegram.world import World

from .method import Answer, Method

_SECRET = re.compile(r"[A-Za-z0-9_-]*")


def set_webhook(world: World, params: Parameters) -> Answer:
    url = params.text("url")
    if not url:
        return delete_webhook(world, params)
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise bad_request("invalid webhook URL specified")
    secret = params.text("secret_token")
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    if params.flag("drop_pending_updates"):
        world.updates.clear()
    note_allowed_updates(world, params)
    new = Webhook(parts.geturl(), secret, params.number("max_connections", 40, 1, 100), params.text("ip_address"))
    if world.webhook == new and not params.flag("drop_pending_updates"):
        return Answer(True, "Webhook is already set")
    world.webhook = new
    world.notify()
    return Answer(True, "Webhook was set")


def delete_webhook(world: World, params: Parameters) -> Answer:
    if params.flag("drop_pending_updates"):
        world.updates.clear()
    was_set, world.webhook = world.webhook is not None, None
    world.notify()
    return Answer(True, "Webhook was deleted" if was_set else "Webhook is already deleted")


def get_webhook_info(world: World, params: Parameters) -> dict[str, Any]:
    webhook = world.webhook
    body: dict[str, Any] = {
        "url": webhook.url if webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates.pending),
    }
    if webhook:
        body["max_connections"] = webhook.max_connections
        if webhook.ip_address:
            body["ip_address"] = webhook.ip_address
        if webhook.last_error_date:
            body |= {"last_error_date": webhook.last_error_date, "last_error_message": webhook.last_error_message}
    if world.updates.allowed:
        body["allowed_updates"] = world.updates.allowed
    return body


def note_allowed_updates(world: World, params: Parameters) -> None:
    """Remember the kinds that the bot wants from now on; absent leaves them as they are, an empty list is the default."""
    try:
        kinds = json.loads(params.text("allowed_updates") or "null")
    except ValueError:
        return
    if isinstance(kinds, list):
        world.updates.allowed = [str(kind).lower() for kind in kinds] or None


METHODS: dict[str, Method] = {
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
}
