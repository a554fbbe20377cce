"""`python -m runners.sandbox`: says why code cannot be boxed on this machine, and fails then."""

import sys

from runners.sandbox.box import probe

reason = probe()
if reason is not None:
    print(reason)
sys.exit(reason is not None)
