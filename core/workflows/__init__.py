"""What starts an agent by itself: schedules, in the person's own timezone."""
