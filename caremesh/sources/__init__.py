"""Where rows come from: the landing zone's files, and the sieve for those that are not clean."""
