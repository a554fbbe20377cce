"""Expressions in graphs and filters, made safe to take from anybody: JMESPath to look something up, CEL to decide."""

from core.catalog.expressions.condition import Condition, condition
from core.catalog.expressions.query import Query, query
from core.catalog.expressions.weight import MAX_EXPRESSION, Weight, weigh

__all__ = ["MAX_EXPRESSION", "Condition", "Query", "Weight", "condition", "query", "weigh"]
