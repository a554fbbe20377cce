"""Slack's limits on what an app sends (docs.slack.dev/apis/web-api/rate-limits): a message a second in a channel. A method that was told to wait in a
channel waits there alone."""

import asyncio
import time
from collections import OrderedDict

from bots.kit.outbound import SlowDown

POST = "chat.postMessage"
LONGEST_WAIT_SECONDS = 3.0
PLACES = 10_000
Place = tuple[str, str, str]


class Limits:
    """When each method may be called next in each channel of each team, in one process; Slack itself has the last word. `rate` are messages a second."""

    def __init__(self, rate: float = 1.0) -> None:
        self._between = 1 / rate
        self._free: OrderedDict[Place, float] = OrderedDict()

    async def turn(self, team: str, method: str, channel: str = "") -> None:
        """Waits until the method may be called there. Raises SlowDown when that is more than three seconds."""
        now = time.monotonic()
        place = (team, method, channel)
        start = max(now, self._free.get(place, 0.0), self._free.get((team, method, ""), 0.0))
        if start - now > LONGEST_WAIT_SECONDS:
            raise SlowDown(start - now)
        if method == POST:
            self._until(place, start + self._between)
        if start > now:
            await asyncio.sleep(start - now)

    def pause(self, team: str, method: str, channel: str, seconds: float) -> None:
        """Slack said so."""
        self._until((team, method, channel), time.monotonic() + seconds)

    def _until(self, place: Place, moment: float) -> None:
        self._free[place] = moment
        self._free.move_to_end(place)
        while len(self._free) > PLACES:
            self._free.popitem(last=False)
