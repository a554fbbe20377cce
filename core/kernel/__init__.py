"""What every context stands on: ids, clock, money, errors, events, the actor, the unit of work, settings."""
