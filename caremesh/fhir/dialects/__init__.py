"""How SQL is spelled for each engine: base.py says what a dialect must say, the others where they differ."""
