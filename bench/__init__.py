"""Figures of the running product, measured on this machine. Commands, not tests: nothing here passes or fails."""
