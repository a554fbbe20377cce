"""Connectors that only the fault rig has."""
