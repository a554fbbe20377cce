"""One file for each figure: how it is measured, and under which names it is printed."""
