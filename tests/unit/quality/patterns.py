"""Patterns that both engines can be given, and texts that tell readings of them apart."""

from __future__ import annotations

ANCHORED = (
    "",
    "^$",
    "^AB[0-9]$",
    "^.$",
    "^a.b$",
    "^a{2,}$",
    "^😀$",
    "^(a|)$",
    "^(ab|a)(b|)$",
    r"\^a",
    r"\$$",
    r"\Aa\z",
)
CLASSES = (r"^\d$", r"^\D$", r"^\w+\s?$", r"^\W+$", r"^\s$", r"^\S$", r"\d{1,3}")
SETS = ("[a-z-9]", "^[a-z-9]$", "[a&&b]", "^[&]$", "^[^a]$", "^[-a]$", "^[a-]$", r"^[\-\]]$", r"^[^\]]$", r"^[\w.-]+$")
MORE_SETS = ("^[à-ü]$", "^[!-/]$", "^[$^]+$", r"[\t\n]", r"^[\s]$", "^[ -~]+$")
REPEATS = ("a{2}", "x{", "x{,3}", "(?:a|b)+?$", "a?b*")
LITERALS = (r"\\", "'", "%", "~", r"\/")
PATTERNS = (*ANCHORED, *CLASSES, *SETS, *MORE_SETS, *REPEATS, *LITERALS)

LETTERS = ("", "a", "b", "ab", "aa", "aaa", "AB1", "AB1\n", "a\nb", "a\rb", "a\x85b", "a\u2028b", "a-b", "a.b", "a%b")
SIGNS = ("]", "[", "^", "^a", "$", "&", "a&", "{", "}", "x{", "a{2}", "@", "-", "_", "~", "/", "%", "'", "\\")
FOREIGN = ("z", "3", "9", "é", "É", "٣", "😀", "K", "\u212a", " ", "\t", "\n", "\x0b", "\x0c", "\xa0", "\u2028")
TEXTS = (*LETTERS, *SIGNS, *FOREIGN)
