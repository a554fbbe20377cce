"""The web door, over HTTP and in a real browser."""
