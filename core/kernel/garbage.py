"""What a process has loaded when it is ready lives as long as the process."""

import gc


def keep_what_is_loaded() -> None:
    """Takes all that there is now out of the collector's sight: it need not look at hundreds of thousands of modules, classes and plans again and again, for which everything in the
    process would wait each time (docs.python.org, `gc.freeze`)."""
    gc.collect()
    gc.freeze()
