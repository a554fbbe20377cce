"""Delivery to the bot's own address: one update after the other, each until it is taken, as Telegram does it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from .world import World

_LONGEST_RETRY_SECONDS = 1.0


@dataclass
class Webhook:
    """What setWebhook asked for, and how the last delivery failed."""

    url: str
    secret: str
    max_connections: int
    ip_address: str
    last_error_date: int = field(default=0, compare=False)
    last_error_message: str = field(default="", compare=False)


class WebhookSender:
    """Runs beside the server. Order is kept per bot; an update stays at the head of the queue until a 2xx."""

    def __init__(self, world: World, retry: float, timeout: float) -> None:
        self.world = world
        self.retry = retry
        self.timeout = timeout
        self.woken = asyncio.Event()

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=self.timeout, trust_env=False, verify=False) as client:
            pause = self.retry
            while True:
                with self.world.lock:
                    self.woken.clear()
                    webhook, update = self.world.webhook, self.world.updates.head()
                if webhook is None or update is None:
                    await self.woken.wait()
                    continue
                error = await self._post(client, webhook, update)
                if not error:
                    pause = self.retry
                    with self.world.lock:
                        self.world.updates.confirm(update)
                        self.world.notify()
                    continue
                with self.world.lock:
                    webhook.last_error_date, webhook.last_error_message = (int(time.time()), error)
                    self.world.notify()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_RETRY_SECONDS)

    async def _post(self, client: httpx.AsyncClient, webhook: Webhook, update: dict[str, object]) -> str:
        """An empty text when the update was taken, otherwise what went wrong in Telegram's words."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret} if webhook.secret else {}
        try:
            response = await client.post(webhook.url, json=update, headers=headers)
        except httpx.TimeoutException:
            return "Read timeout expired"
        except httpx.ConnectError:
            return "Connection refused"
        except httpx.HTTPError:
            return "Webhook connection closed"
        if response.is_success:
            return ""
        return f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"
