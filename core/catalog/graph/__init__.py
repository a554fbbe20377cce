"""Graphs of skills: what they are made of, what makes one invalid, and in which order they run."""

from core.catalog.graph.models import Graph, Node, Retry, Use, light
from core.catalog.graph.order import REFERENCE, references

__all__ = ["REFERENCE", "Graph", "Node", "Retry", "Use", "light", "references"]
