"""What dbt says of a build that failed, in its own first words, without anything that may be a value of a row.

A database plans a statement before it reads a row. What it says then (a column that is not there, a mistake in the
syntax) quotes the statement alone, and is shown. What it says later may quote values, and only the kind of error is
shown; the rest stays in dbt's log.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from caremesh.errors import CurateError

BROKEN = ("error", "fail", "runtime error", "partial success")

_TESTS = ("test", "unit_test")
_SHOWN_LINES = 3

# https://duckdb.org/docs/stable/dev/error: these come up before a statement runs. Trino gives the place in the
# statement's text with what it finds in planning, and only with that.
_PLANNING = re.compile(r"(Binder|Catalog|Parser|Syntax) Error: |[A-Z_]+: line \d+:\d+: ")
_KIND = re.compile(r"[A-Z][A-Za-z ]{2,40} Error(?=:)|[A-Z][A-Z_]{2,60}(?=:)")
_TYPE = re.compile(r" to ((?:DECIMAL|decimal)\(\d{1,2}, ?\d{1,2}\)|DATE|TIMESTAMP|DOUBLE|BIGINT|INTEGER|BOOLEAN)(?!\w)")
_RULED = re.compile(r"[-=|> ]*")


def describe_failure(command: str, results: Sequence[Any], *, project: str, log: Path) -> CurateError:
    """The error for a dbt run of which parts failed: the first one in dbt's words, then the names of the others."""
    broken = [r for r in results if r.status in BROKEN]
    if not broken:
        return CurateError(f"dbt {command} failed, and does not say in what", hint=f"read {log}")
    first, others = broken[0], [r.node.name for r in broken[1:]]
    more = f"; {len(others)} more failed: {', '.join(others)}" if others else ""
    return CurateError(
        f"{_name(first.node)}: {_reason(first)}{more}",
        where=f"{project}/{first.node.original_file_path}",
        hint="correct the model or the data, then run again; the curated tables before stay. "
        f"All that dbt said, which may quote rows, stands in {log}",
        summary=_count(results),
    )


def describe_refusal(command: str, error: BaseException, *, project: str, log: Path) -> CurateError:
    """The error for a project that dbt could not even read: no row was looked at by then."""
    from dbt_common.exceptions import DbtBaseException

    said = _first_lines(str(error)) if isinstance(error, DbtBaseException) else type(error).__name__
    return CurateError(f"dbt {command} did not start: {said}", where=project, hint=f"correct it; more is in {log}")


def _name(node: Any) -> str:
    """What a node is, and for a test, whose."""
    if node.resource_type not in _TESTS:
        return f"{node.resource_type} {node.name}"
    tested = getattr(node, "attached_node", None) or next(iter(node.depends_on.nodes), None)
    column = getattr(node, "column_name", None)
    of = f" of {tested.split('.')[-1]}{f'.{column}' if column else ''}" if tested else ""
    return f"test {node.name}{of}"


def _reason(result: Any) -> str:
    if result.status == "fail" and result.failures is not None:
        return f"{result.failures:,} row(s) fail"
    return reason_without_values(str(result.message or "no reason is given"))


def reason_without_values(message: str) -> str:
    """What a message of dbt says, as far as it cannot quote a row."""
    head, _, said = message.partition("\n")
    said = said.strip()
    if head.startswith("Compilation Error"):
        return _first_lines(message.replace(head, "Compilation Error", 1)) + _contract_columns(said)
    said = said or head.strip()
    if _PLANNING.match(said):
        return _first_lines(said)
    kind, target = _KIND.match(said), _TYPE.search(said.partition("\n")[0])
    wanted = f" (a value does not go into {target[1]})" if target else ""
    return f"{kind[0] if kind else 'the database refused it'}{wanted}; its words are withheld, as they may quote a row"


def _first_lines(text: str) -> str:
    """The lines up to the first that is blank or only drawn, joined."""
    lines: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if _RULED.fullmatch(line) or len(lines) == _SHOWN_LINES:
            break
        lines.append(line)
    # The first line names the kind of error, and the second begins what there is to say.
    joined = lines[0] if lines else "no reason is given"
    for line in lines[1:]:
        joined += f": {line}" if joined.endswith("Error") else f" {line}"
    return joined


def _contract_columns(said: str) -> str:
    """The columns that dbt lists where a model and its yml do not agree, with what is wrong with each."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in said.splitlines() if "|" in line]
    found = [f"{row[0]} ({row[-1]})" for row in rows[2:] if len(row) == 4]
    return f" Columns: {', '.join(found)}" if found else ""


def _count(results: Sequence[Any]) -> str:
    """How many models and tests failed, of how many."""
    counted = []
    for word, kinds in (("models", ("model", "seed", "snapshot")), ("tests", _TESTS)):
        chosen = [r for r in results if r.node.resource_type in kinds]
        if failed := sum(r.status in BROKEN for r in chosen):
            counted.append(f"{failed} of {len(chosen)} {word}")
    return " and ".join(counted) or "a hook"
