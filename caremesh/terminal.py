"""Texts from outside as a terminal may show them: signs that would steer it are spelled out."""

from __future__ import annotations

import re

# Control characters but tab and line feed, those that turn the direction of writing or are not seen, ends of lines and
# of paragraphs that only some programs know, and halves of characters. Joiners stay: some scripts need them.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """A text that steers no terminal: an escape character is shown as `\\x1b`, a mark of direction as `\\u202e`."""
    return text if text.isprintable() else _STEERING.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    return found[0].encode("ascii", "backslashreplace").decode() if found[0] > "\x7f" else f"\\x{ord(found[0]):02x}"
