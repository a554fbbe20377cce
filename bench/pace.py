"""Doing something again and again, by several threads, at chance moments. Of the standard library alone: bench/peer runs it in another environment."""

import random
import threading
import time
from collections.abc import Callable


def at_chance_moments(count: int, rate: float | None, threads: int, act: Callable[[int], object]) -> float:
    """`act(0)` to `act(count - 1)`, `rate` a second, or as fast as it can be done. How late the latest began, in seconds. Raises the first thing that `act` raised."""
    numbers, turn, began = iter(range(count)), threading.Lock(), time.monotonic()
    # Each at a chance moment of its own slot, so that it never keeps step with anything that ticks; the same every time.
    chance = random.Random(count)
    when = [began + (number + chance.random()) / rate for number in range(count)] if rate else []
    late, broken = [0.0], []

    def work() -> None:
        while True:
            with turn:
                number = next(numbers, None)
            if number is None:
                return
            if rate:
                time.sleep(max(when[number] - time.monotonic(), 0))
                late.append(time.monotonic() - when[number])
            try:
                act(number)
            except Exception as problem:
                broken.append(problem)
                return

    working = [threading.Thread(target=work) for _ in range(threads)]
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()
    if broken:
        raise broken[0]
    return max(late)
