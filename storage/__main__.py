"""`python -m storage migrate`: brings the schema to head."""

import sys

from core.kernel.settings import settings
from storage.migrate import migrate

if __name__ == "__main__":
    if sys.argv[1:] != ["migrate"]:
        sys.exit("usage: python -m storage migrate")
    migrate(settings())
