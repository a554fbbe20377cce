"""What a person prefers, allows, and is doing just now."""
