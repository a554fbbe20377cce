"""Understanding mail: bytes to facts, with parsers and rules and no network."""
