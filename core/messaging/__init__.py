"""Messages in and out: append-only, sealed with their user's key; deliveries keep every copy of a card true."""
