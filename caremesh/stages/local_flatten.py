"""Flatten on this machine, with DuckDB: from the landed files, or from an earlier release and what is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from caremesh.engines.intake import FileCount, Intake, flatten_files
from caremesh.engines.versions import FULL, LISTED, Base, Change, Deletion, History, Reason
from caremesh.errors import LakeError
from caremesh.lake.base import Lake
from caremesh.lake.files import remove_folder
from caremesh.lake.layout import DATA_FOLDER, KEYS_FOLDER, QUARANTINE_FOLDER, part_file
from caremesh.lake.ledger import LandedExport
from caremesh.lake.quarantine_parts import batch_lines, read_batches, write_part
from caremesh.products import Product
from caremesh.quoting import quote_file, quote_name
from caremesh.release_keys import parts_of_view, views_of
from caremesh.settings import Settings
from caremesh.sources.landing import Exports
from caremesh.sources.ndjson import DELETIONS, LandedFile, LineFile
from caremesh.sources.sieve import QuarantinedLine
from caremesh.stages.completeness import judge_completeness
from caremesh.stages.release_plan import FlattenResult, ReleasePlan, Strand, reference_columns
from caremesh.stages.stage_engine import StageEngine


@dataclass(frozen=True)
class BaseParts:
    """The Parquet files of an earlier release on this machine, one of each kind for each strand."""

    data: tuple[Path, ...]
    keys: tuple[tuple[Path, ...], ...]
    quarantine: tuple[Path, ...]
    held: tuple[Path, ...]


def flatten_here(
    product: Product,
    plan: ReleasePlan,
    *,
    settings: Settings,
    lake: Lake,
    exports: Exports,
    engine: StageEngine,
    on_sift: Callable[[LineFile], None] | None,
) -> FlattenResult:
    """Flatten into the folder of the release to be; what an earlier release holds already is taken from there.

    Raises LakeError where the engine fails, or where keys and counts do not agree, ClaimedIds where the earlier release
    does not do.
    """
    folder = lake.scratch / product.id
    targets = {k: folder / "release" / lake.parts_folder(k) for k in (DATA_FOLDER, KEYS_FOLDER, QUARANTINE_FOLDER)}
    for target in targets.values():
        target.mkdir(parents=True)
    maker = _Maker(plan, settings, exports, engine, folder, targets, _base_parts(product, plan, lake), on_sift)
    made = [maker.make(number) for number in range(len(plan.strands))]
    completeness = judge_completeness(product, plan, lake=lake, engine=engine, built=folder / "release")
    return FlattenResult(
        engine="duckdb",
        counts=tuple(count for counts, _ in made for count in counts),
        rows=sum(intake.rows for _, intake in made) - (completeness.held if completeness else 0),
        bytes=sum(file.stat().st_size for file in targets[DATA_FOLDER].iterdir()),
        unresolved=_count_unresolved(product, targets[DATA_FOLDER], engine=engine, scratch=folder),
        keys=lake.parts_folder(KEYS_FOLDER),
        withheld=tuple(sorted({export for _, intake in made for export in intake.withheld})),
        completeness=completeness,
        claimed=sum(intake.claims for _, intake in made),
    )


@dataclass(frozen=True)
class _Maker:
    """Makes the parts of one release, a strand at a time."""

    plan: ReleasePlan
    settings: Settings
    exports: Exports
    engine: StageEngine
    folder: Path
    targets: Mapping[str, Path]
    earlier: BaseParts | None
    on_sift: Callable[[LineFile], None] | None

    def make(self, number: int) -> tuple[tuple[FileCount, ...], Intake]:
        """Write rows, keys and quarantine of one strand; give the counts of all its files."""
        strand, origins = self.plan.strands[number], self.plan.origins
        new = set(self.plan.new_files)
        places = [place for place, file in enumerate(strand.files) if file in new]
        history = History(
            places=places,
            exports=[self.plan.order[f.export] for f in strand.files],
            sources=[origins[f.export].source for f in strand.files],
            spaces=[origins[f.export].space for f in strand.files],
            keys=self.targets[KEYS_FOLDER],
            view=number,
            order=self.plan.order,
            ranking=self.plan.ranking,
            deletions=self._deletions(strand.view.resource),
            base=self._base(strand, number),
        )
        with self._brought_here([strand.files[place] for place in places]) as files:
            intake = self._run_view(strand, files, history, self.targets[DATA_FOLDER] / part_file(number))
        parts = [self.earlier.quarantine[number]] if self.earlier else []
        parts += [self._claimed(strand)] if intake.claims else []
        _write_quarantine(intake.quarantined, parts, self.targets[QUARANTINE_FOLDER] / part_file(number))
        counts = self._counts(strand, dict(zip(places, intake.counts, strict=True)), intake)
        _refuse_lost_keys(strand, counts, intake)
        return counts, intake

    def _run_view(self, strand: Strand, files: Sequence[LandedFile], history: History, target: Path) -> Intake:
        scratch = self.folder / strand.view.resource
        scratch.mkdir()
        hint = "give more --memory-limit, free disk space, or see whether the landed files can still be read"
        with self.engine.work_on(strand.view.resource, scratch=scratch, hint=hint) as connection:
            return flatten_files(
                connection,
                view=strand.view,
                files=files,
                target=target,
                scratch=scratch,
                on_sift=self.on_sift,
                history=history,
                on_claimed=lambda lines: write_part(self._claimed(strand), batch_lines(lines)),
            )

    def _claimed(self, strand: Strand) -> Path:
        """Where the lines are kept, for the time being, whose id another id space keeps."""
        return self.folder / strand.view.resource / "claimed.parquet"

    @contextmanager
    def _brought_here(self, files: Sequence[LandedFile]) -> Iterator[Sequence[LandedFile]]:
        """The files on this machine. What was downloaded goes at once, also after a failure: it is patients' data."""
        folder = self.folder / "landed"
        try:
            yield self.exports.fetch(files, folder, again=self.settings.forget_command)
        finally:
            remove_folder(folder)

    def _base(self, strand: Strand, number: int) -> Base | None:
        if self.earlier is None or self.plan.base is None or strand.view.key_column is None:
            return None
        here = {(f.export, f.name): place for place, f in enumerate(strand.files)}
        return Base(
            data=self.earlier.data[number],
            keys=self.earlier.keys[number],
            key_column=strand.view.key_column,
            places=[here[name] for i in self.plan.base.inputs if (name := (i.export, i.name)) in here],
            held=self.earlier.held[number] if self.earlier.held else None,
        )

    def _deletions(self, resource: str) -> list[Deletion]:
        """What the base does not know yet of deletions of a resource type, oldest export first."""
        exports = {e.name: e for e in self.plan.exports}
        return [
            Deletion(
                export=d.export,
                order=self.plan.order[d.export],
                asked_at=d.asked_at,
                reason=reason,
                listed=listed,
                needs_line=reason == FULL and exports[d.export].speaks_of_all,
                source=exports[d.export].source,
            )
            for d in self.plan.new_deletions
            for reason, listed in self._gone(exports[d.export], resource)
        ]

    def _gone(self, export: LandedExport, resource: str) -> Iterator[tuple[Reason, tuple[str, ...]]]:
        lists = [f for f in export.files if f.resource_type == DELETIONS and resource in f.concerns]
        if lists:
            found = (gone for file in lists for gone in self.exports.read_deletions(file))
            yield LISTED, tuple(dict.fromkeys(name for kind, name in found if kind == resource))
        if export.reconciles(resource):
            yield FULL, ()

    def _counts(self, strand: Strand, new: Mapping[int, FileCount], intake: Intake) -> tuple[FileCount, ...]:
        """The counts of a strand's files: those that were read, and those of the base after what changed there."""
        held = {(i.export, i.name): i for i in self.plan.base.inputs} if self.plan.base else {}
        changes: dict[int, list[Change]] = {}
        for change in intake.base_changes:
            changes.setdefault(change.place, []).append(change)
        counts = []
        for place, file in enumerate(strand.files):
            if place in new:
                counts.append(new[place])
                continue
            before = held[file.export, file.name]
            states = {"used": before.used, "superseded": before.superseded, "deleted": before.deleted}
            for change in changes.get(place, ()):
                states[change.before] -= change.count
                states[change.after] += change.count
            counts.append(FileCount(file=file, quarantined=before.quarantined, **states))
        return tuple(counts)


def _base_parts(product: Product, plan: ReleasePlan, lake: Lake) -> BaseParts | None:
    base = plan.base
    if base is None or base.keys is None:
        return None
    keys = lake.part_files(product, base, base.keys)
    aside = base.completeness.held_folder if base.completeness else None
    return BaseParts(
        data=lake.part_files(product, base, base.data),
        keys=tuple(parts_of_view(keys, view) for view in views_of(keys)),
        quarantine=lake.part_files(product, base, base.quarantine),
        held=lake.part_files(product, base, aside) if aside else (),
    )


def _refuse_lost_keys(strand: Strand, counts: Sequence[FileCount], intake: Intake) -> None:
    """As many resources stand in the keys as lines are counted as used and as deleted, or something was lost."""
    counted = (sum(c.used for c in counts), sum(c.deleted for c in counts))
    if intake.keys != counted:
        raise LakeError(
            f"{strand.view.resource}: {counted} lines were counted as used and deleted, the keys hold {intake.keys}",
            hint="report this; nothing was published",
        )


def _write_quarantine(lines: Sequence[QuarantinedLine], parts: Sequence[Path], path: Path) -> None:
    """Write the lines that cannot be used, after those of other parts."""
    before = chain.from_iterable(read_batches(part, raw=True) for part in parts)
    write_part(path, chain(before, batch_lines(lines)))


def _count_unresolved(
    product: Product, data: Path, *, engine: StageEngine, scratch: Path
) -> tuple[tuple[str, int], ...]:
    """How many rows name another resource in a way that gives no id: by `<x>_reference` beside an `<x>_id`."""
    pairs = reference_columns(product)
    if not pairs:
        return ()
    counts = ", ".join(f"count({quote_name(name)})" for name in pairs)
    files = ", ".join(quote_file(file) for file in sorted(data.iterdir()))
    with engine.work_on(f"the references of {product.id}", scratch=scratch) as connection:
        row = connection.execute(f"select {counts} from read_parquet([{files}])").fetchone() or ()
    return tuple((name, count) for name, count in zip(pairs, row, strict=True) if count)
