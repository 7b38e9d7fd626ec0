"""What a run did: with each product, with the curated tables and catalogs, and what it ended with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from caremesh.lake.pointer import Pointer
from caremesh.lake.release import Manifest
from caremesh.products import Product
from caremesh.sources.ndjson import IgnoredFile
from caremesh.stages.curate import CurateReport
from caremesh.stages.land import LandingReport
from caremesh.stages.publish import Outcome
from catalog.base import Change


@dataclass(frozen=True)
class ProductReport:
    """What a run did with one product. `manifest` is the release made or found for what the ledger lists.

    `seen` is the product's pointer before the ledger was read: nobody may have moved it when the release is published.
    `decided` says on how many quarantined lines of a file somebody decided, by export and file.
    """

    product: Product
    manifest: Manifest
    is_new: bool
    seen: Pointer | None
    outcome: Outcome | None = None
    decided: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def open_lines(self) -> int:
        """Quarantined lines on which nobody decided."""
        return self.manifest.quarantined - sum(self.decided.values())


@dataclass(frozen=True)
class RunReport:
    """What one run did; a part is None where its stage was not asked for, or not reached.

    `errors` are what stages ended with, in their order: none where all of them came to their end.
    """

    landing: LandingReport | None
    products: tuple[ProductReport, ...]
    curated: CurateReport | None
    changes: tuple[Change, ...] | None
    errors: tuple[BaseException, ...] = ()

    @property
    def failed(self) -> tuple[ProductReport, ...]:
        """Products whose candidate broke a critical check."""
        return tuple(p for p in self.products if p.manifest.passed is False)

    @property
    def is_unchanged(self) -> bool:
        """Whether the run came to its end, and left every product and the curated tables as they were."""
        is_curated_anew = self.curated is not None and self.curated.is_new
        outcomes = {p.outcome for p in self.products}
        return not self.errors and outcomes == {"unchanged"} and not is_curated_anew

    @property
    def passed_over(self) -> tuple[IgnoredFile, ...]:
        """Files in the landing zone that were not taken in, though they look as if they should be."""
        return tuple(i for i in self.landing.ignored if i.is_missed) if self.landing else ()

    @property
    def quarantined(self) -> int:
        """Open lines of the landed files in quarantine; a line that two products refuse counts once per file."""
        worst: dict[tuple[str, str], int] = {}
        for report in self.products:
            for file in report.manifest.inputs:
                key = (file.export, file.name)
                worst[key] = max(worst.get(key, 0), file.quarantined - report.decided.get(key, 0))
        return sum(worst.values())


class StoppedRunError(Exception):
    """A stage failed; `report` tells of all that the run did, and why it ended."""

    def __init__(self, report: RunReport) -> None:
        super().__init__()
        self.report = report
