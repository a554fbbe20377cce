"""The one hop from an async door to the sync core: a bounded pool of threads that carries the trace along."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


THREADS = 4
"""More wait for each other rather than for the database: Python carries out one at a time."""


class Hop:
    """`await hop(function, …)` runs it in one of `threads` threads; more calls wait their turn."""

    def __init__(self, threads: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="nod-core")

    async def __call__(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        context = copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: context.run(function, *args, **kwargs)
        )

    def close(self) -> None:
        """Waits for what is running."""
        self._pool.shutdown()
