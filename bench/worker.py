"""`python -m bench.worker`: the product's own worker process, which also knows the benchmark's skills."""

import sys

from runners.worker import main

from bench.skills import join

if __name__ == "__main__":
    join()
    sys.exit(main())
