"""`python -m bench.worker`: the product's own worker process, which also knows the benchmark's skills."""

import os
import sys

from runners.worker import main

from bench.bare import strip
from bench.skills import join

if __name__ == "__main__":
    join()
    if "BENCH_BARE" in os.environ:
        strip()
    sys.exit(main())
