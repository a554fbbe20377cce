"""What the disk does meanwhile: how long a commit takes that does nothing else, again and again beside what is measured."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from bench.world import World

EVERY_SECONDS = 0.1
TABLE = "CREATE TABLE IF NOT EXISTS public.bench_commits (at timestamptz)"
COMMIT = "INSERT INTO public.bench_commits VALUES (now())"


@contextmanager
def bare_commits(world: World) -> Iterator[list[float]]:
    """Seconds of one commit after the other, ten a second, filled while the context is open."""
    seconds: list[float] = []
    over = threading.Event()
    with closing(world.rig.owner(world.database)) as owner:
        owner.execute(TABLE)

        def commit() -> None:
            while not over.wait(EVERY_SECONDS):
                began = time.perf_counter()
                owner.execute(COMMIT)
                seconds.append(time.perf_counter() - began)

        thread = threading.Thread(target=commit)
        thread.start()
        try:
            yield seconds
        finally:
            over.set()
            thread.join()
