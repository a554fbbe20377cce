"""Skills that only the benchmark has: its processes see this folder beside the product's own skills, the product never does."""

from pathlib import Path


def join() -> None:
    """Makes the skills of this folder known to this process."""
    from runners import skills

    here = str(Path(__file__).parent)
    if here not in skills.__path__:
        skills.__path__.append(here)
