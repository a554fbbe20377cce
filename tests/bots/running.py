"""A door that runs beside the test."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Self


class RunningDoor:
    """A door (`run`, `ready`, `stop`) in a thread of its own, made there. `trouble` is what it ended with."""

    def __init__(self, made: Callable[[], Any]) -> None:
        self._made = made
        self._up = threading.Event()
        self.trouble: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as trouble:
            self.trouble = trouble
        finally:
            self._up.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.door = self._made()
        serving = asyncio.create_task(self.door.run())
        ready = asyncio.create_task(self.door.ready.wait())
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        self._up.set()
        await serving

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(60)
        if self.trouble is not None:
            raise self.trouble
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.door.stop)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the door did not stop"

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.trouble is not None:
            raise self.trouble
