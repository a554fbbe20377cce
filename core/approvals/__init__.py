"""Suggestions and what people decide about them: nothing acts without an approval, and what was approved is what runs, once."""
