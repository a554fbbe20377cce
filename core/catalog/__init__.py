"""Agents as data: templates in folders, a person's agents, their immutable versions."""
