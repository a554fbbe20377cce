"""Defers tasks as `bench.producer` starts runs, after as many that do not count. `python producer.py <rate> <count> <threads> <warm>`."""

import sys
import time

from bench.pace import at_chance_moments
from tasks import app, nothing

rate, count, threads, warm = map(int, sys.argv[1:])
with app.open():
    for _ in range(warm):
        nothing.defer()
        time.sleep(1 / rate)
    at_chance_moments(count, rate, threads, lambda number: nothing.defer())
