"""Skills that come with Nod: rules and parsers, one to a file."""
