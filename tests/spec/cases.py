"""The official SQL on FHIR cases, and what their outcome is held against."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OFFICIAL = Path(__file__).parent / "official"

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One official case: `file` is relative to the folder of cases."""

    file: str
    title: str
    resources: Rows
    view: dict[str, Any]
    stated: dict[str, Any]

    @property
    def input(self) -> Rows:
        """The resources of the view's type: a bulk export has one file per type, and a view reads those of its own."""
        return [r for r in self.resources if r["resourceType"] == self.view.get("resource")]

    @property
    def expects_error(self) -> bool:
        """Whether the view must be refused, when it is read or when it runs."""
        return bool(self.stated.get("expectError"))

    def check(self, rows: Rows) -> None:
        """Hold rows against what the case expects; raise AssertionError where they differ."""
        if "expectCount" in self.stated:
            assert len(rows) == self.stated["expectCount"]
        else:
            assert as_counter(rows) == as_counter(self.stated["expect"])
        if "expectColumns" in self.stated:
            assert list(rows[0]) == self.stated["expectColumns"]


def official_cases() -> Iterator[Case]:
    """Yield every official case, in a fixed order."""
    for path in [*sorted(OFFICIAL.glob("*.json")), *sorted((OFFICIAL / "newer").glob("*.json"))]:
        document = json.loads(path.read_text())
        for test in document["tests"]:
            yield Case(
                file=path.relative_to(OFFICIAL).as_posix(),
                title=test["title"],
                resources=document["resources"],
                view=test["view"],
                stated=test,
            )


def as_counter(rows: Rows) -> Counter[str]:
    """Rows as a multiset: the order of rows and columns does not matter, nor whether 1 is written 1.0."""
    return Counter(json.dumps({k: _plain(v) for k, v in sorted(row.items())}) for row in rows)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
