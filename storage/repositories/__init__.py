"""The real questions that each context asks of its tables, inside one transaction."""
