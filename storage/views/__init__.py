"""Read models: SQL that answers what a page shows."""
