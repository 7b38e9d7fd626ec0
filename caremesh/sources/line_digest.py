"""What tells the text of a line from others, where the text itself is not to be kept or read."""

from __future__ import annotations

import hashlib

TEXT_DIGITS = 16
"""So many hex digits of a line's SHA-256 tell it from others of its file."""


def digest_text(raw: str) -> str:
    """What tells a line's text from others; nobody can read the text from it."""
    return hashlib.sha256(raw.encode()).hexdigest()[:TEXT_DIGITS]
