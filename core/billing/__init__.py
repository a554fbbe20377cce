"""What may be used and what was used: limits by tier, the ledger, and the day's counters."""
