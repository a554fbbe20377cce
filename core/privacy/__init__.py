"""What is kept of people's history, and for how long."""
