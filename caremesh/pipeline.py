"""The pipeline: the stages in order, and what one run of them is.

A run holds the lake's lock, works on what the ledger lists, and leaves the lake consistent wherever it is killed:
each stage writes aside and moves into place in one step, and finds its own finished work again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from caremesh.aws import Aws
from caremesh.errors import CareMeshError, CurateError, LandingError, PublishError
from caremesh.fhir import CompiledView
from caremesh.lake.base import Lake
from caremesh.lake.erasures import refuse_pending
from caremesh.lake.files import telling_failed_writes
from caremesh.lake.local import LocalLake
from caremesh.lake.opening import open_lake
from caremesh.lake.quarantine import count_decided, newest_release
from caremesh.product_views import compile_product
from caremesh.products import Domain, Product, find_domains, order_products, select_products
from caremesh.run_report import ProductReport, RunReport, StoppedRunError
from caremesh.settings import Settings
from caremesh.sources.landing import Exports
from caremesh.stages.check import check, prepare
from caremesh.stages.curate import CurateReport, curate
from caremesh.stages.flatten import flatten
from caremesh.stages.land import LandingReport, forget, land
from caremesh.stages.publish import publish, roll_back
from caremesh.stages.register import register
from caremesh.stages.release_plan import FIRST, Required
from caremesh.stages.stage_engine import StageEngine, open_stage_engine
from catalog.base import Change

Stage = Literal["land", "flatten", "check", "publish", "curate", "register"]
STAGES: tuple[Stage, ...] = ("land", "flatten", "check", "publish", "curate", "register")

IGNORED_SHOWN = 5

StageOutcome = Literal["done", "failed", "skipped"]


class Watcher(Protocol):
    """Somebody who is told how far a run is; the command line draws it."""

    def begin(self, stage: Stage, *, total: int, unit: str) -> None:
        """A stage begins, with so many units of work (0 where that is not known)."""

    def advance(self, amount: int, label: str = "") -> None:
        """So many units are done; the label says what is at work now."""

    def note(self, text: str) -> None:
        """Something worth knowing happened."""

    def end(self, summary: str, *, outcome: StageOutcome = "done") -> None:
        """The stage that began last is over; `failed` also where it did its work, and what it found is a failure."""


def attempt(
    settings: Settings,
    *,
    watcher: Watcher,
    command: str,
    stages: Sequence[Stage] = STAGES,
    domain: str | None = None,
    was_interrupted: Callable[[], bool] = lambda: False,
) -> RunReport:
    """Run like `run`; where stages fail, give the report all the same, which has their errors.

    Raises the error for which no stage began. `was_interrupted` tells whether somebody asked the process to stop: the
    error of a stage then is only what an engine made of it.
    """
    aws = Aws(settings.aws)
    domains, lake = find_domains(settings.domains_dir), open_lake(settings, aws)
    chosen = select_products(domains, domain=domain)
    if "land" in stages:
        settings.require_landing()
    else:
        lake.require()
    try:
        with writing(settings, lake, command), open_stage_engine(settings, scratch=lake.scratch) as engine:
            return _Run(settings, lake, Exports(aws), engine, domains, chosen, watcher, was_interrupted).go(stages)
    except StoppedRunError as stopped:
        return stopped.report


def run(
    settings: Settings,
    *,
    watcher: Watcher,
    command: str,
    stages: Sequence[Stage] = STAGES,
    domain: str | None = None,
) -> RunReport:
    """Run `stages`, in their order, for one domain or all; curate and register always regard the whole lake.

    Raises the first error of a stage. A failed check is none: the product keeps its current release.
    """
    report = attempt(settings, watcher=watcher, command=command, stages=stages, domain=domain)
    if report.errors:
        raise report.errors[0]
    return report


def rollback(settings: Settings, product_id: str, release: str | None, *, command: str) -> tuple[str, str]:
    """Point a product back to an earlier release and show that; give the release that it left, and the one now."""
    domains, lake = _open(settings)
    (product,) = select_products(domains, product=product_id)
    lake.require()
    with writing(settings, lake, command):
        left = lake.pointer(product)
        target = roll_back(product, release, settings=settings, lake=lake)
        lake.show(select_products(domains))
    return left.release if left else "", target


def publish_release(settings: Settings, product_id: str, release: str, *, command: str) -> None:
    """Make an earlier release of a product current again, on purpose."""
    domains, lake = _open(settings)
    (product,) = select_products(domains, product=product_id)
    lake.require()
    with writing(settings, lake, command):
        lake.require_release(product, release)
        lake.publish(product, release, at=settings.now, seen=lake.pointer(product))
        lake.show(select_products(domains))


def forget_export(settings: Settings, export: str, *, command: str) -> tuple[str, ...]:
    """Take an export out of the ledger; the next run makes releases without it. Gives what fell with it."""
    _, lake = _open(settings)
    lake.require()
    with writing(settings, lake, command):
        return forget(lake, export)


def _open(settings: Settings) -> tuple[tuple[Domain, ...], Lake]:
    return find_domains(settings.domains_dir), open_lake(settings, Aws(settings.aws))


def prune(settings: Settings, *, keep: int, before: str, command: str) -> tuple[dict[str, tuple[str, ...]], int]:
    """Remove old releases and what nobody refers to; give the releases by product, and the number of other files."""
    domains, lake = _open(settings)
    lake.require()
    products = select_products(domains)
    with writing(settings, lake, command):
        retired = {p.id: names for p in products if (names := lake.retire(p, keep=keep, before=before))}
        return retired, lake.sweep(products, before=before)


@contextmanager
def writing(settings: Settings, lake: Lake, command: str, *, erasing: bool = False) -> Iterator[None]:
    """Hold the lake and its scratch folder for the work of one command.

    Raises LakeError where an erasure was interrupted, unless it is this one's work to finish it.
    """
    with telling_failed_writes(str(settings.lake)), lake.hold(command=command, since=settings.now):
        if not erasing and isinstance(lake, LocalLake):
            refuse_pending(lake.root, settings.command("erase"))
        lake.prepare()
        yield
        lake.tidy()


@dataclass
class _Run:
    """One run at work: what it was given, and what its stages found so far."""

    settings: Settings
    lake: Lake
    exports: Exports
    engine: StageEngine
    domains: tuple[Domain, ...]
    chosen: tuple[Product, ...]
    watcher: Watcher
    was_interrupted: Callable[[], bool]
    landing: LandingReport | None = None
    views: dict[str, tuple[CompiledView, ...]] = field(default_factory=dict)
    reports: dict[str, ProductReport] = field(default_factory=dict)
    curated: CurateReport | None = None
    changes: tuple[Change, ...] | None = None

    def go(self, stages: Sequence[Stage]) -> RunReport:
        """Work through the stages; raise StoppedRunError where one failed."""
        steps = {
            "land": self._land,
            "flatten": self._flatten,
            "check": self._check,
            "publish": self._publish,
            "curate": self._curate,
            "register": self._register,
        }
        errors: list[BaseException] = []
        for stage in (s for s in STAGES if s in stages):
            self.watcher.begin(stage, total=0, unit="")
            try:
                with telling_failed_writes(str(self.settings.lake)):
                    steps[stage]()
            except (Exception, KeyboardInterrupt) as raised:
                error = KeyboardInterrupt() if self.was_interrupted() else raised
                self.watcher.end(self._ended(stage, error), outcome="failed")
                errors.append(error)
                # What is published is to be found in the catalog, also where curating failed.
                if stage != "curate" or not isinstance(error, CareMeshError):
                    break
        if errors:
            raise StoppedRunError(self._report(errors))
        return self._report()

    def _report(self, errors: Sequence[BaseException] = ()) -> RunReport:
        """What the run did; where it was stopped, no more is asked of the lake than it can give."""
        try:
            products = self._with_decisions()
        except CareMeshError:
            if not errors:
                raise
            products = tuple(self.reports.values())
        return RunReport(self.landing, products, self.curated, self.changes, tuple(errors))

    def _ended(self, stage: Stage, error: BaseException) -> str:
        """How a stage ended that did not come to its end, and how far it came."""
        word = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        reports = self.reports.values()
        how_far = {
            "flatten": (len(reports), len([p for p in self.chosen if p.view_files])),
            "check": (sum(r.manifest.verdict is not None for r in reports), len(reports)),
            "publish": (sum(r.outcome in ("published", "unchanged") for r in reports), len(reports)),
        }
        if stage in how_far:
            done, of = how_far[stage]
            return f"{word}: {done} of {of} products {stage}ed"
        return f"{word}: {error.summary}" if isinstance(error, CurateError) and error.summary else word

    def _with_decisions(self) -> tuple[ProductReport, ...]:
        """What was done with each product; its quarantined lines are held against what was decided on them."""
        reports = tuple(self.reports.values())
        if not any(r.manifest.quarantined for r in reports):
            return reports
        ledger = self.lake.read_ledger()
        return tuple(replace(r, decided=count_decided(self.lake, r.product, r.manifest, ledger)) for r in reports)

    @property
    def _everything(self) -> tuple[Product, ...]:
        return select_products(self.domains)

    def _views(self, product: Product) -> tuple[CompiledView, ...]:
        """The product's compiled views; each is compiled once a run."""
        if product.id not in self.views:
            self.views[product.id] = compile_product(product)
        return self.views[product.id]

    def _land(self) -> None:
        types = {v.resource for p in self._everything if p.view_files for v in self._views(p)}
        self.landing = land(
            self.settings,
            lake=self.lake,
            exports=self.exports,
            used_types=types,
            on_total=lambda total: self.watcher.begin("land", total=total, unit="bytes"),
            on_bytes=self.watcher.advance,
        )
        for ignored in self.landing.ignored[:IGNORED_SHOWN]:
            self.watcher.note(f"ignored: {ignored.path}: {ignored.reason}")
        if len(self.landing.ignored) > IGNORED_SHOWN:
            self.watcher.note(f"ignored: {len(self.landing.ignored) - IGNORED_SHOWN} more files")
        for copy, original in self.landing.copies:
            self.watcher.note(f"passed over: export {copy} is the same as {original}, byte by byte")
        for export in self.landing.unfinished:
            self.watcher.note(f"not landed, as its export job is not at a good end: {export}; caremesh export follow")
        if self.landing.unused:
            names = ", ".join(name for name, _, _ in self.landing.unused)
            size = sum(size for _, _, size in self.landing.unused)
            self.watcher.note(f"not read, as no product uses the type ({size / 1e6:,.1f} MB): {names}")
        ledger = self.landing.ledger
        files = [f for e in ledger.exports for f in e.files]
        read = f"{self.landing.files_read} read now" if self.landing.files_read else "nothing new"
        lines = [f.lines for f in files if f.lines is not None]
        # Objects in S3 are not read before they are used.
        amount = f"{sum(lines):,} lines" if len(lines) == len(files) else f"{sum(f.bytes for f in files) / 1e6:,.1f} MB"
        self.watcher.end(f"{len(ledger.exports)} export(s), {len(files)} files, {amount}; {read}")

    def _flatten(self) -> None:
        with_view = [p for p in order_products(self.chosen) if p.view_files]
        seen = {p.id: self.lake.pointer(p) for p in with_view}
        ledger = self.lake.read_ledger()
        if not ledger.exports:
            raise LandingError(
                "no export was landed yet", where=str(self.settings.lake), hint=self.settings.land_command
            )
        files = {p.id: [f for v in self._views(p) for f in ledger.files_of(v.resource)] for p in with_view}
        size = {name: sum(f.bytes for f in landed) for name, landed in files.items()}
        self.watcher.begin("flatten", total=sum(size.values()), unit="bytes")
        for product in with_view:
            self.watcher.advance(0, product.id)
            made = flatten(
                product,
                self._views(product),
                settings=self.settings,
                lake=self.lake,
                exports=self.exports,
                ledger=ledger,
                duckdb=self.engine,
                required=[self._required(name) for name in product.required],
                on_sift=lambda f: self.watcher.note(f"{f.export}/{f.name} has lines that cannot be used: sorting them"),
            )
            if made.is_new and made.manifest.why != FIRST:
                self.watcher.note(f"{product.id}: {made.manifest.why}")
            for export in made.withheld:
                self.watcher.note(
                    f"{product.id}: {export} has lines without a readable id, so nothing is removed for it"
                )
            self.lake.set_aside(product, made.manifest.release, seen=seen[product.id])
            self.reports[product.id] = ProductReport(product, made.manifest, made.is_new, seen[product.id])
            self.watcher.advance(size[product.id], product.id)
        # What follows brings a DuckDB of its own, and needs the memory.
        self.engine.rest()
        self.reports = {p.id: self.reports[p.id] for p in self.chosen if p.id in self.reports}
        made_now = sum(r.is_new for r in self.reports.values())
        rows = sum(r.manifest.rows for r in self.reports.values())
        queries = [q for r in self.reports.values() if r.is_new for q in r.manifest.queries]
        scanned, cost = sum(q.bytes_scanned for q in queries), sum(q.cost_usd for q in queries)
        billed = f"; Athena scanned {scanned / 1e6:,.1f} MB, about ${cost:,.4f}" if queries else ""
        self.watcher.end(f"{made_now} new release(s) of {len(with_view)} products, {rows:,} rows{billed}")

    def _required(self, name: str) -> Required:
        """The release of a product that another one requires: that of this run, else the newest in the lake."""
        (product,) = (p for p in self._everything if p.id == name)
        made = self.reports.get(name)
        return Required(product, made.manifest if made else newest_release(self.lake, product))

    def _check(self) -> None:
        reports = self._found_reports()
        self.watcher.begin("check", total=len(reports), unit="products")
        if any(r.manifest.verdict is None for r in reports):
            prepare()
        for report in reports:
            self.watcher.advance(0, report.product.id)
            manifest = check(report.product, report.manifest, settings=self.settings, lake=self.lake)
            self.reports[report.product.id] = replace(report, manifest=manifest)
            self.watcher.advance(1, report.product.id)
        failed = [r.product.id for r in self.reports.values() if r.manifest.passed is False]
        if failed:
            self.watcher.end(f"{len(failed)} of {len(reports)} products failed: {', '.join(failed)}", outcome="failed")
        elif reports:
            self.watcher.end(f"{len(reports)} of {len(reports)} products passed")
        else:
            self.watcher.end("there is no candidate: caremesh flatten makes them", outcome="skipped")

    def _publish(self) -> None:
        reports = self._found_reports()
        self.watcher.begin("publish", total=len(reports), unit="products")
        try:
            refused = self._publish_each(reports)
        except CareMeshError:
            # What was published before is shown; the error that is on its way tells more than one of showing.
            with suppress(CareMeshError):
                self.lake.show(self._everything)
            raise
        self.lake.show(self._everything)
        if refused:
            raise _all_in_one(refused)
        outcomes = [str(r.outcome) for r in self.reports.values()]
        failed = outcomes.count("failed")
        counted = [f"{outcomes.count(o)} {o}" for o in dict.fromkeys(outcomes) if o != "failed"]
        if failed:
            refusal = f"{failed} of {len(reports)} products not published, as their checks failed"
            self.watcher.end("; ".join([refusal, *filter(None, [", ".join(counted)])]), outcome="failed")
        elif counted:
            self.watcher.end(", ".join(counted))
        else:
            self.watcher.end("there is no candidate: caremesh flatten makes them", outcome="skipped")

    def _publish_each(self, reports: Sequence[ProductReport]) -> tuple[PublishError, ...]:
        """Publish each product on its own: one that cannot be, as another run was faster, keeps back no other."""
        refused = []
        for report in reports:
            try:
                outcome = publish(
                    report.product, report.manifest, seen=report.seen, settings=self.settings, lake=self.lake
                )
                self.reports[report.product.id] = replace(report, outcome=outcome)
            except PublishError as error:
                refused.append(error)
            self.watcher.advance(1, report.product.id)
        return tuple(refused)

    def _curate(self) -> None:
        self.curated = curate(self._everything, settings=self.settings, lake=self.lake)
        self.lake.show_curated(self._everything)
        self.watcher.end(self.curated.summary, outcome="skipped" if self.curated.skipped else "done")

    def _register(self) -> None:
        self.changes = register(self.domains, target=self.settings.target, lake=self.lake)
        made = sum(c.action != "none" for c in self.changes)
        self.watcher.end(f"{made} change(s)" if made else "no change")

    def _found_reports(self) -> list[ProductReport]:
        """The releases at hand: those of this run's flatten, else the candidates and current releases in the lake."""
        if not self.reports:
            for product in self.chosen:
                seen = self.lake.pointer(product)
                manifest = next(iter(self.lake.candidates(product)), None) or self.lake.current(product)
                if manifest:
                    self.reports[product.id] = ProductReport(product, manifest, is_new=False, seen=seen)
        return list(self.reports.values())


def _all_in_one(refused: Sequence[PublishError]) -> PublishError:
    """The first of these errors, whose message tells of all."""
    first = refused[0]
    if len(refused) == 1:
        return first
    return PublishError("; ".join(e.message for e in refused), where=first.where, hint=first.hint)
