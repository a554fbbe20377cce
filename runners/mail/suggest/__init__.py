"""What to suggest about a mailbox: one file for each kind of suggestion."""
