"""Catalog publishers: what a catalog should show is computed from the contracts, planned, then applied."""
