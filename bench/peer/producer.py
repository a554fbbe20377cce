"""Defers tasks at the same chance moments at which `bench.producer` starts runs, after as many that do not count. `python producer.py <rate> <count> <warm>`; says `ready`, waits for a line, defers, ends."""

import random
import sys
import threading
import time

from tasks import app, nothing

THREADS = 2


def main() -> None:
    rate, count, warm = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with app.open():
        for _ in range(warm):
            nothing.defer()
            time.sleep(1 / rate)
        print("ready", flush=True)
        sys.stdin.readline()
        numbers, turn, began, chance = iter(range(count)), threading.Lock(), time.monotonic(), random.Random(count)
        when = [began + (number + chance.random()) / rate for number in range(count)]

        def work() -> None:
            while True:
                with turn:
                    number = next(numbers, None)
                if number is None:
                    return
                time.sleep(max(when[number] - time.monotonic(), 0))
                nothing.defer()

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


main()
