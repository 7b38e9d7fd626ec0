"""What Athena asks for a statement: https://aws.amazon.com/athena/pricing/."""

from __future__ import annotations

LEAST_BILLED = 10_000_000
"""Bytes that Athena bills at least for a statement that reads data."""


def cost(bytes_scanned: int, price_per_tb: float) -> float:
    """What one statement costs in dollars, at a price for 10^12 bytes; one that scans nothing, as DDL, is free."""
    return max(bytes_scanned, LEAST_BILLED) * price_per_tb / 1e12 if bytes_scanned else 0.0
