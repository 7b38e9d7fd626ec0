"""What a catalog shows, and what every catalog publisher can do: plan and apply.

    PublisherTarget ── find_publishers ──▶ Publisher ── plan(content) ──▶ Change, Change, …
    CatalogContent ───────────────────────────────────── apply(content) ─▶ the same changes, done

The content is metadata only: contracts, counts, names and times. Nothing in it may quote a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from caremesh.errors import RegisterError
from caremesh.lake.curated import CuratedColumn
from caremesh.lake.release import Completeness
from caremesh.products import Domain, Product, Severity

Action = Literal["create", "update", "delete", "none"]


@dataclass(frozen=True)
class CheckOutcome:
    """How one check of a contract came out on a release; a row check counts the rows that broke it."""

    name: str
    column: str | None
    severity: Severity
    passed: bool
    rows_failed: int
    description: str

    @property
    def verdict(self) -> Literal["passed", "warning", "failed"]:
        """`failed` only where a critical check broke: that is what keeps a candidate from being published."""
        if self.passed:
            return "passed"
        return "failed" if self.severity == "critical" else "warning"


@dataclass(frozen=True)
class ReleaseInfo:
    """The current release of a product: its counts, the exports it holds, how its checks came out.

    `decided` is on how many of the quarantined lines somebody decided: they were replayed, or discarded with a reason.
    `report` is the link to the check report, relative to the place where the catalog's pages stand.
    `unresolved_references` says, for each reference column, how many of its values find no row. `completeness` says how
    many rows name resources that have not arrived; None where the contract does not ask.
    """

    release: str
    published_at: str
    rows: int
    quarantined: int
    sources: tuple[str, ...]
    checks: tuple[CheckOutcome, ...]
    report: str | None = None
    unresolved_references: tuple[tuple[str, int], ...] = ()
    decided: int = 0
    completeness: Completeness | None = None

    def __post_init__(self) -> None:
        _refuse_absolute(self.report)

    @property
    def open_lines(self) -> int:
        """Quarantined lines on which nobody decided yet."""
        return self.quarantined - self.decided


@dataclass(frozen=True)
class CatalogProduct:
    """A data product and its current release; None where nothing was published yet."""

    product: Product
    release: ReleaseInfo | None


@dataclass(frozen=True)
class CuratedTable:
    """A dbt model for consumers, named as in SQL (`curated.patient_summary`)."""

    name: str
    description: str
    columns: tuple[CuratedColumn, ...]
    rows: int | None
    built_at: str | None
    depends_on: tuple[str, ...]


@dataclass(frozen=True)
class FailedCandidate:
    """A candidate release that broke critical checks and was set aside; the current release keeps serving."""

    product: str
    release: str
    failing: tuple[CheckOutcome, ...]
    report: str | None = None

    def __post_init__(self) -> None:
        _refuse_absolute(self.report)


@dataclass(frozen=True)
class CatalogContent:
    """All that a catalog shows of one lake; `generated_for` is the time it is true for, as text."""

    lake_name: str
    generated_for: str
    domains: tuple[Domain, ...]
    products: tuple[CatalogProduct, ...]
    curated: tuple[CuratedTable, ...] = ()
    failed: tuple[FailedCandidate, ...] = ()

    def __post_init__(self) -> None:
        known = {domain.name for domain in self.domains}
        names = [p.product.id for p in self.products] + [t.name for t in self.curated]
        homeless = [p.product.id for p in self.products if p.product.domain not in known]
        twice = [name for name in names if names.count(name) > 1]
        if homeless or twice:
            fault = f"of no known domain: {homeless[0]}" if homeless else f"listed twice: {twice[0]}"
            raise RegisterError(f"the catalog content is inconsistent; {fault}")

    def products_of(self, domain: str) -> tuple[CatalogProduct, ...]:
        """The products that one domain owns."""
        return tuple(p for p in self.products if p.product.domain == domain)

    def consumers_of(self, name: str) -> tuple[CuratedTable, ...]:
        """The curated tables that are built directly from a product or curated table."""
        return tuple(t for t in self.curated if name in t.depends_on)


@dataclass(frozen=True)
class Change:
    """One thing that a publisher would do, or did, to one entry of its catalog."""

    action: Action
    target: str
    detail: str


class Publisher(Protocol):
    """A catalog writer; `plan` tells what `apply` does."""

    @property
    def name(self) -> str:
        """What the catalog is called in plans and messages."""

    def plan(self, content: CatalogContent) -> tuple[Change, ...]:
        """Compare the catalog with the content; read only."""

    def apply(self, content: CatalogContent) -> tuple[Change, ...]:
        """Make the catalog equal the content and return what was done; a second call has nothing to do."""


@dataclass(frozen=True)
class PublisherTarget:
    """Where catalogs are written: what the factories of publishers choose and build from.

    `folder` is where publishers of files write. `options` holds what other publishers ask for by name, so that a
    new publisher needs no new field here.
    """

    kind: Literal["local", "aws"]
    folder: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)


PublisherFactory = Callable[[PublisherTarget], Publisher | None]
"""What a publisher module offers as `PUBLISHER`; it returns None where the target is not one it writes to."""


def _refuse_absolute(link: str | None) -> None:
    # A colon in the first segment makes a scheme (https:, javascript:); a slash in front leaves the folder.
    if link is not None and (link.startswith(("/", "\\")) or ":" in link.split("/")[0]):
        raise RegisterError("the link to a check report is not a relative one", where=link)
