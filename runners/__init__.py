"""What works in the background: runs, executions, schedules, connectors. Runners never talk to a chat."""
