"""Connections to the outside: what can be connected, what it may do, and how "exactly once" is kept for each operation."""
