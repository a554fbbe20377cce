"""The schema's history: forward only, each step expands or contracts, never both."""
