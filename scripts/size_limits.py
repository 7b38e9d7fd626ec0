"""Refuses Python files over 500 lines and functions over 50 outside the tests."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LIMIT = 500
FUNCTION_LIMIT = 50


def find_oversized(path: Path) -> Iterator[str]:
    """Yield one line of text for the file, or each function in it, that is too long."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > FILE_LIMIT:
        yield f"{path}: {lines} lines, {FILE_LIMIT} at most"
    if path.parts[0] == "tests":
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LIMIT:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, {FUNCTION_LIMIT} at most"


if __name__ == "__main__":
    tracked = subprocess.run(["git", "ls-files", "*.py"], check=True, capture_output=True, text=True).stdout.split()
    faults = [fault for name in tracked for fault in find_oversized(Path(name))]
    print("\n".join(faults))  # noqa: T201
    sys.exit(bool(faults))
