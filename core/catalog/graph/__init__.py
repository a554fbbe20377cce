"""Graphs of skills: what they are made of, what makes one invalid, and in which order they run."""

from core.catalog.graph.check import SkillCatalog, check
from core.catalog.graph.models import Graph, Node, Retry, Use, light
from core.catalog.graph.order import REFERENCE, Order, is_reference, order, references
from core.catalog.graph.parse import parse_graph

__all__ = [
    "REFERENCE",
    "Graph",
    "Node",
    "Order",
    "Retry",
    "SkillCatalog",
    "Use",
    "check",
    "is_reference",
    "light",
    "order",
    "parse_graph",
    "references",
]
