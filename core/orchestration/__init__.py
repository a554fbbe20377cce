"""Runs of agents: started, claimed, stepped through, finished."""
