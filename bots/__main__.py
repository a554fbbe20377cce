"""`python -m bots web|telegram|slack`: one door as a process."""

import sys
from importlib import import_module

DOORS = ("web", "telegram", "slack")


def main() -> None:
    """Opens the door that the first argument names."""
    door = sys.argv[1] if len(sys.argv) == 2 else ""
    if door not in DOORS:
        print(f"Which door? One of: {', '.join(DOORS)}. For example: python -m bots web", file=sys.stderr)
        sys.exit(2)
    sys.exit(import_module(f"bots.{door}").main())


if __name__ == "__main__":
    main()
