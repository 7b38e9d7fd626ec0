"""The lake: where ledger, releases, pointers and the query database live, and how they change atomically."""
