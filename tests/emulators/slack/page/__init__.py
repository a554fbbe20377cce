"""What a person sees, as a page to look at and to take pictures of."""

from .page import draw

__all__ = ["draw"]
