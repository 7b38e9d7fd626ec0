"""How a run looks in the terminal: progress while it works, tables when it is done. Builds; `caremesh.cli` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from caremesh.lake.base import Lake
from caremesh.lake.incomplete import Missing
from caremesh.lake.landed_files import FileAccount
from caremesh.lake.ledger import Ledger
from caremesh.lake.quarantine import Counts, count_quarantine
from caremesh.lake.release import Manifest
from caremesh.lake.removals import Removal
from caremesh.lake.watermark import Watermark
from caremesh.pipeline import StageOutcome
from caremesh.products import Domain, Product
from caremesh.run_report import ProductReport, RunReport
from caremesh.sources.export_jobs import ExportJob
from caremesh.sources.healthlake import ServerJob
from caremesh.terminal import printable

_MARKS: Mapping[StageOutcome, tuple[str, str]] = {
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", "yellow"),
}

WIDE = 125
"""Columns of a terminal that holds every table whole."""

NARROW = 90
"""Columns below which what became of a product matters more than what its release is called."""


class RunWatcher:
    """Shows a run: a live bar per stage on a terminal, one plain line per finished stage elsewhere, nothing if quiet.

    It also keeps the seconds spent on each product, by the injected `clock`.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float], quiet: bool) -> None:
        """Draw on `console`; `clock` gives seconds that only ever grow."""
        self._console = console
        self._clock = clock
        self._quiet = quiet
        self._progress: Progress | None = None
        self._stage: str | None = None
        self._started = 0.0
        self._label = ""
        self._last = 0.0
        self.seconds: dict[str, float] = {}

    def begin(self, stage: str, *, total: int, unit: str) -> None:
        """Start a stage's bar; called again for the same stage once its total is known."""
        if self._stage != stage:
            self._started = self._clock()
        self._stage, self._label = stage, ""
        self._stop()
        if self._quiet or not self._console.is_terminal:
            return
        amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn() if total else TextColumn("")
        columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description:<9}"), BarColumn(bar_width=28)]
        columns += [amount, TimeElapsedColumn(), TextColumn("{task.fields[label]}", style="dim", markup=False)]
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._progress.start()
        self._progress.add_task(stage, total=total or None, label="")

    def advance(self, amount: int, label: str = "") -> None:
        """Move the bar, and charge the time since the last call to the product named before."""
        self._charge()
        self._label = label
        if self._progress:
            task = self._progress.tasks[0].id
            self._progress.update(task, advance=amount, label=label)

    def note(self, text: str) -> None:
        """Show one line that stays."""
        if not self._quiet:
            self._console.print(f"  {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def end(self, summary: str, *, outcome: StageOutcome = "done") -> None:
        """Close the stage with its one-line summary, and a mark that tells a failure from work that is done."""
        self._charge()
        self._label = ""
        self._stop()
        if not self._quiet:
            mark, style = _MARKS[outcome]
            line = Text.assemble((mark, style), f" {self._stage:<9} ", (summary, style if outcome == "failed" else ""))
            if self._console.is_terminal:
                line.append(f"  {self._clock() - self._started:.1f} s", style="dim")
            self._console.print(line, highlight=False, soft_wrap=True)
        self._stage = None

    def close(self) -> None:
        """Take the bar away, whatever happened."""
        self._stop()

    def _charge(self) -> None:
        now = self._clock()
        if self._label:
            self.seconds[self._label] = self.seconds.get(self._label, 0.0) + now - self._last
        self._last = now

    def _stop(self) -> None:
        if self._progress:
            self._progress.stop()
            self._progress = None


@contextmanager
def counting(console: Console, label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while something is counted; gives the function to tell (done, total) to."""
    columns = [SpinnerColumn(), TextColumn(label), BarColumn(bar_width=28), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def run_table(report: RunReport, seconds: dict[str, float], *, width: int) -> Table:
    """One line per product: what was read, what is published, what was set aside, how the checks came out.

    A narrow terminal gets fewer columns, and none of them broken.
    """
    shown = [">lines read", ">superseded", ">deleted", ">quarantined", ">rows", "checks", "release", "", ">seconds"]
    if width < WIDE:
        shown = [">quarantined", ">rows", "checks", *(["release"] if width >= NARROW else []), ""]
    table = _table("product", *shown)
    for product in report.products:
        manifest = product.manifest
        cells = {
            ">lines read": f"{manifest.lines:,}",
            ">superseded": f"{manifest.superseded:,}",
            ">deleted": f"{manifest.deleted:,}",
            ">quarantined": quarantine_text(Counts(manifest.quarantined, sum(product.decided.values()))),
            ">rows": f"{manifest.rows:,}",
            "checks": checks_text(manifest),
            "release": manifest.release,
            "": _outcome_text(product, with_remark=width >= WIDE),
            ">seconds": f"{seconds.get(product.product.id, 0.0):.1f}",
        }
        table.add_row(product.product.id, *(cells[header] for header in shown))
    return table


def status_table(products: Iterable[Product], lake: Lake, *, width: int) -> Table:
    """One line per product: its current release, and a candidate that failed, if one stands aside."""
    shown = ["release", "published", ">rows", ">quarantined", ">incomplete", "checks", "set aside"]
    if width < WIDE:
        shown = ["release", ">rows", ">quarantined", ">incomplete", "set aside"]
    table, ledger = _table("product", *shown), lake.read_ledger()
    for product in products:
        current, pointer = lake.current(product), lake.pointer(product)
        failed = [m for m in lake.candidates(product) if m.passed is False]
        cells = {
            "release": current.release if current else "[dim]none[/]",
            "published": pointer.history[-1].at if pointer else "",
            ">rows": f"{current.rows:,}" if current else "",
            ">quarantined": quarantine_text(count_quarantine(lake, product, current, ledger)) if current else "",
            ">incomplete": incomplete_text(current) if current else "",
            "checks": checks_text(current) if current else "",
            "set aside": "; ".join(f"[red]{m.release} failed: {', '.join(failing_checks(m))}[/]" for m in failed),
        }
        table.add_row(product.id, *(cells[header] for header in shown))
    return table


def quarantine_table(groups: Mapping[tuple[str, str, str, str, str], int]) -> Table:
    """How many lines by product, export, file, reason and what was decided on them."""
    table = _table("product", "export", "file", "reason", ">lines")
    for (product, export, file, reason, state), number in sorted(groups.items()):
        table.add_row(product, *(escape(text) for text in (export, file, reason + state)), f"{number:,}")
    return table


def exports_table(ledger: Ledger) -> Table:
    """One line per export in the ledger."""
    table = _table("export", "source", "landed", ">files", ">lines", ">MB")
    for export in ledger.exports:
        lines, size = [f.lines for f in export.files if f.lines is not None], sum(f.bytes for f in export.files)
        # Nobody counts the lines of an object in S3 before it is used.
        counted = f"{sum(lines):,}" if len(lines) == len(export.files) else ""
        told = (escape(export.name), escape(export.source), export.landed_at)
        table.add_row(*told, f"{len(export.files):,}", counted, f"{size / 1e6:,.1f}")
    return table


def files_table(export: str, source: str, accounts: Iterable[FileAccount]) -> Table:
    """One line per landed file of an export from a source."""
    table = _table("file", "state", ">lines", ">bytes", "digest", "not yet in")
    table.title, table.title_justify = f"{escape(export)} from {escape(source)}", "left"
    for account in accounts:
        file, lines = account.file, account.lines
        table.add_row(
            escape(file.name),
            account.state,
            "" if lines is None else f"{lines:,}",
            f"{file.bytes:,}",
            file.digest[:17],
            ", ".join(account.waits_for),
        )
    return table


def jobs_table(jobs: Iterable[ExportJob]) -> Table:
    """One line per export job of the ledger."""
    table = _table("job", "state", "asked", "level", "since", "types", ">files", ">MB", "source")
    for job in jobs:
        state = f"[{_STATES[job.state]}]{job.state}[/]" if job.state in _STATES else job.state
        table.add_row(
            escape(job.name),
            state,
            job.asked_at,
            job.scope.level,
            job.scope.since or "",
            ", ".join(job.scope.types or ()) or "all",
            "" if job.files is None else f"{job.files:,}",
            "" if job.bytes is None else f"{job.bytes / 1e6:,.1f}",
            escape(job.source),
        )
    return table


def server_jobs_table(jobs: Iterable[ServerJob]) -> Table:
    """One line per job that HealthLake knows, by its own words."""
    table = _table("job", "state", "submitted", "name")
    for job in sorted(jobs, key=lambda j: j.submitted_at):
        table.add_row(escape(job.job), job.state, job.submitted_at, escape(job.name or ""))
    return table


def watermarks_table(marks: Iterable[Watermark]) -> Table:
    """One line per source, level and choice of types: up to when everything is landed."""
    table = _table("source", "level", "types", "watermark", "")
    for mark in marks:
        at = mark.at or "[dim]none: the next export is a full one[/]"
        table.add_row(
            escape(mark.source),
            mark.level,
            ", ".join(mark.types or ()) or "all",
            at,
            "set by hand" if mark.is_set else "",
        )
    return table


def releases_table(product: Product, lake: Lake) -> Table:
    """Every release of a product, the newest movement first, and what it is now."""
    table = _table("release", "made", ">rows", ">quarantined", "checks", "state")
    pointer, ledger = lake.pointer(product), lake.read_ledger()
    everything = sorted((*lake.releases(product), *lake.candidates(product)), key=lambda m: m.made_at, reverse=True)
    for manifest in everything:
        table.add_row(
            manifest.release,
            manifest.made_at,
            f"{manifest.rows:,}",
            quarantine_text(count_quarantine(lake, product, manifest, ledger)),
            checks_text(manifest),
            _state(manifest, pointer.release if pointer else None, pointer.withdrawn if pointer else ()),
        )
    return table


def removals_table(removals: Sequence[Removal], *, with_ids: bool) -> Table:
    """The receipts of removals: one line for each resource, or for each export, reason and release."""
    shown = ["product", "release", "made", "export", "reason", "type", "id" if with_ids else ">resources"]
    table = _table(*shown, "back" if with_ids else ">back")
    lines, back = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for r in removals:
        line = (r.product, r.release, r.made_at, r.export, r.reason, r.resource_type, r.id if with_ids else "")
        lines[line] += 1
        back[line] += bool(r.is_back)
    for (*cells, name), count in lines.items():
        returned = back[*cells, name]
        counted = (escape(name), "yes" if returned else "") if with_ids else (f"{count:,}", f"{returned:,}")
        table.add_row(*(escape(cell) for cell in cells), *counted)
    return table


def incomplete_table(manifests: Iterable[Manifest]) -> Table:
    """How many rows name what has not arrived: one line for each column that a contract asks about."""
    table = _table("product", "release", "column", ">incomplete", "")
    for manifest in manifests:
        found = manifest.completeness
        if found is None or found.rows is None:
            table.add_row(manifest.product, manifest.release, "", "", "not determined")
            continue
        for column, count in found.references:
            table.add_row(manifest.product, manifest.release, column, f"{count:,}", "")
        state = "held back" if found.held else "listed" if found.rows else ""
        table.add_row(manifest.product, manifest.release, "[dim]rows[/]", f"{found.rows:,}", state)
    return table


def missing_table(missing: Iterable[tuple[Product, Missing]]) -> Table:
    """One line for each reference of a row to what has not arrived."""
    table = _table("product", "row", "column", "missing in", "id")
    for product, one in missing:
        table.add_row(product.id, escape(", ".join(one.key)), one.column, one.product, escape(one.id))
    return table


def products_table(domains: Iterable[Domain]) -> Table:
    """Every data product of every domain."""
    table = _table("product", "version", ">columns", "owner", "grain")
    for domain in domains:
        for product in domain.products:
            table.add_row(product.id, product.version, str(len(product.columns)), product.owner, product.grain)
    return table


def rows_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, width: int) -> Table:
    """The rows of a query, as they are: nothing in them is markup. Rows too wide for the terminal stand upright."""
    columns = [printable(name) for name in columns]
    texts = [["" if value is None else printable(str(value)) for value in row] for row in rows]
    widths = [max([len(name), *(len(t[i]) for t in texts)]) for i, name in enumerate(columns)]
    if sum(widths) + 3 * len(widths) > width and len(columns) > 1:
        return _upright_table(columns, texts)
    table = _table()
    for index, column in enumerate(columns):
        is_number = bool(rows) and all(isinstance(r[index], int | float | Decimal | None) for r in rows)
        table.add_column(Text(column), justify="right" if is_number else "left", overflow="fold")
    for row in texts:
        table.add_row(*(Text(text) for text in row))
    return table


def _upright_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """One line per value, rows apart."""
    table = _table("column", "value")
    for row in rows:
        for name, text in zip(columns, row, strict=True):
            table.add_row(Text(name, no_wrap=True), Text(text))
        table.add_section()
    return table


def checks_text(manifest: Manifest) -> str:
    """How many of the checks passed, in words that fit a table cell."""
    if manifest.verdict is None:
        return "[dim]not checked[/]"
    results = manifest.verdict["results"]
    passed = sum(r["passed"] for r in results)
    text = f"{passed} of {len(results)}"
    return f"[red]{text}[/]" if not manifest.passed else f"[yellow]{text}[/]" if passed < len(results) else text


def failing_checks(manifest: Manifest) -> list[str]:
    """Names of the critical checks that a candidate broke, each with its number of rows."""
    results = manifest.verdict["results"] if manifest.verdict else []
    broken = [r for r in results if not r["passed"] and r["check"]["severity"] == "critical"]
    return [f"{r['check']['name']} ({r['detail'] or format(r['rows_failed'], ',') + ' rows'})" for r in broken]


def next_steps(lake: Path, *, caremesh: str) -> list[str]:
    """Three queries to paste, and where the catalog is."""
    queries = [
        "select class_code, count(*) as encounters from clinical.encounter group by 1 order by 2 desc",
        "select payer_class, round(sum(paid_amount), 2) as paid from curated.payer_mix_monthly group by 1",
        "select is_readmitted_30d, count(*) as stays from curated.readmission_30d where is_index group by 1",
    ]
    return [f'{caremesh} query --lake {lake} "{q}"' for q in queries] + [f"open {lake / 'catalog' / 'index.html'}"]


def _state(manifest: Manifest, current: str | None, withdrawn: Sequence[str]) -> str:
    if manifest.release == current:
        return "[green]current[/]"
    if manifest.release in withdrawn:
        return "[yellow]withdrawn[/]"
    return {None: "candidate", False: "[red]failed[/]", True: "kept"}[manifest.passed]


def _outcome_text(report: ProductReport, *, with_remark: bool) -> str:
    styles = {"published": "green", "unchanged": "dim", "withdrawn": "yellow", "failed": "red"}
    empty = "" if report.manifest.lines or not with_remark else " [yellow](empty: not in any export)[/]"
    return (f"[{styles[report.outcome]}]{report.outcome}[/]" if report.outcome else "") + empty


def quarantine_text(counts: Counts) -> str:
    """How many lines are open; beside them, if any, those on which somebody decided."""
    decided = f" [dim](+{counts.decided:,} decided)[/]" if counts.decided else ""
    return (f"[yellow]{counts.open:,}[/]" if counts.open else "0") + decided


def incomplete_text(manifest: Manifest) -> str:
    """How many rows name what has not arrived, and whether they are held back; nothing where no contract asks."""
    found = manifest.completeness
    if found is None:
        return ""
    if found.rows is None:
        return "[dim]unknown[/]"
    held = " [dim]held[/]" if found.held else ""
    return f"[yellow]{found.rows:,}[/]{held}" if found.rows else "0"


_STATES = {"whole": "green", "failed": "red", "cancelled": "yellow"}

_WHOLE = ("product", "release", "made", "published", "landed", "checks", "job", "asked", "submitted", "since")


class _ShownTable(Table):
    """Spells out what would steer a terminal before the columns are made as wide as their cells."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row."""
        super().add_row(*(printable(c) if isinstance(c, str) else c for c in cells), **options)


def _table(*headers: str) -> Table:
    table = _ShownTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for header in headers:
        right = header.startswith(">")
        table.add_column(
            header.lstrip(">"), justify="right" if right else "left", no_wrap=header in _WHOLE or right, overflow="fold"
        )
    return table
