"""Flatten in Athena: when it is chosen, and what it leaves in the lake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from caremesh.athena_price import cost
from caremesh.aws import cleaning_up
from caremesh.aws.objects import Objects
from caremesh.engines.athena import Athena, Query
from caremesh.engines.athena_intake import AthenaIntake, SpaceLines, flatten_lines, work_place
from caremesh.engines.line_tables import create_line_table, drop_line_table
from caremesh.errors import UsageError
from caremesh.fhir import ATHENA, CompiledView
from caremesh.lake.aws import AwsLake
from caremesh.lake.layout import DATA_FOLDER, QUARANTINE_FOLDER, release_key
from caremesh.lake.release import DeletionInput, Engine, EngineQuery
from caremesh.places import S3Place
from caremesh.product_views import compile_product
from caremesh.products import Product
from caremesh.quoting import quote_name
from caremesh.settings import Settings
from caremesh.sources.ndjson import LandedFile
from caremesh.stages.completeness import state_undetermined
from caremesh.stages.release_plan import FlattenResult, ReleasePlan, Strand, reference_columns


def choose_engine(
    settings: Settings,
    files: Sequence[LandedFile],
    *,
    deletions: Sequence[DeletionInput] = (),
    holds: str | None = None,
) -> Engine:
    """The engine that the settings ask for; `auto` takes Athena from `auto_bytes` on, where that is possible.

    `holds` is the product, where it holds incomplete rows back. Raises UsageError where Athena is asked for and cannot
    reach lake or files, or knows nothing of deletions or of holding back.
    """
    is_reachable = settings.target == "aws" and all(f.path.startswith("s3://") for f in files)
    if settings.engine == "athena" and deletions:
        raise UsageError(
            f"export {deletions[0].export} says what is gone, and the engine athena cannot take rows out for that",
            hint="--engine duckdb",
        )
    if settings.engine == "athena" and holds:
        raise UsageError(
            f"{holds} holds incomplete rows back, and the engine athena cannot", hint="--engine duckdb, or auto"
        )
    if settings.engine == "athena" and not is_reachable:
        raise UsageError(
            "engine athena reads from S3 and writes to S3",
            hint="--landing s3://… and --lake s3://…, or --engine duckdb",
        )
    large = sum(f.bytes for f in files) >= settings.aws.auto_bytes
    is_possible = is_reachable and not deletions and not holds
    is_chosen = settings.engine == "athena" or (settings.engine == "auto" and large and is_possible)
    return "athena" if is_chosen and files else "duckdb"


def flatten_in_athena(product: Product, plan: ReleasePlan, *, settings: Settings, lake: AwsLake) -> FlattenResult:
    """Flatten where the lines lie, into the folder of the release to be."""
    athena = Athena(lake.aws, output=lake.query_output)
    targets = [
        lake.place / f"{release_key(product, plan.release)}/{lake.parts_folder(kind)}"
        for kind in (DATA_FOLDER, QUARANTINE_FOLDER)
    ]
    intakes = [
        _flatten_strand(athena, view, strand, place, plan=plan, settings=settings, lake=lake)
        for view, strand, place in zip(
            compile_product(product, ATHENA), plan.strands, _places(plan, targets, settings, lake), strict=True
        )
    ]
    unresolved, more = _count_unresolved(product, plan.release, lake, athena)
    queries = [*(q for intake in intakes for q in intake.queries), *more]
    price = settings.aws.price_per_tb
    return FlattenResult(
        engine="athena",
        counts=tuple(count for intake in intakes for count in intake.counts),
        rows=sum(intake.rows for intake in intakes),
        bytes=Objects(lake.aws, targets[0]).size(""),
        unresolved=unresolved,
        queries=tuple(EngineQuery(q.id, q.bytes_scanned, cost(q.bytes_scanned, price)) for q in queries),
        completeness=state_undetermined(product, plan),
        claimed=sum(intake.claims for intake in intakes),
    )


def _flatten_strand(
    athena: Athena,
    view: CompiledView,
    strand: Strand,
    to: _Places,
    *,
    plan: ReleasePlan,
    settings: Settings,
    lake: AwsLake,
) -> AthenaIntake:
    """Flatten the files of one view; where the product has others, bring what Athena wrote to theirs afterwards."""
    with ExitStack() as tables:
        spaces = []
        for space, paths in _paths_by_space(strand, plan):
            table = create_line_table(
                lake.aws, resource_type=view.resource, paths=paths, lake=lake.place, run_id=settings.run_id
            )
            tables.enter_context(cleaning_up(partial(drop_line_table, lake.aws, table, lake=lake.place)))
            spaces.append(SpaceLines(space, paths, table))
        intake = flatten_lines(
            athena,
            view=view,
            files=strand.files,
            spaces=spaces,
            lake=lake.place,
            data_location=to.written[0],
            quarantine_location=to.written[1],
        )
    for written, target in zip(to.written, to.targets, strict=True):
        if written != target:
            Objects(lake.aws, written).move(target, prefix=f"{view.resource}-")
    return intake


def _paths_by_space(strand: Strand, plan: ReleasePlan) -> list[tuple[str, list[str]]]:
    """The files of each id space, in the order in which they keep an id."""
    found: dict[str, list[str]] = {}
    for file in strand.files:
        found.setdefault(plan.origins[file.export].space, []).append(file.path)
    return [(space, found[space]) for space in plan.ranking if space in found]


@dataclass(frozen=True)
class _Places:
    """Where Athena writes rows and quarantine of one view, and where they belong."""

    written: Sequence[S3Place]
    targets: Sequence[S3Place]


def _places(plan: ReleasePlan, targets: Sequence[S3Place], settings: Settings, lake: AwsLake) -> Iterator[_Places]:
    """Athena writes to empty places only, so that several views cannot write to one."""
    if len(plan.strands) == 1:
        yield _Places(targets, targets)
        return
    for strand in plan.strands:
        aside = work_place(lake.place) / f"{plan.release}-{strand.view.resource}-{settings.run_id}"
        yield _Places([aside / DATA_FOLDER, aside / QUARANTINE_FOLDER], targets)


def _count_unresolved(
    product: Product, release: str, lake: AwsLake, athena: Athena
) -> tuple[tuple[tuple[str, int], ...], tuple[Query, ...]]:
    """How many rows name another resource in a way that gives no id."""
    names = reference_columns(product)
    if not names:
        return (), ()
    counts = ", ".join(f"count({quote_name(name)})" for name in names)
    with lake.candidate_table(product, release, columns=[(c.name, c.sql_type) for c in product.columns]) as table:
        ((*found,),), query = athena.rows(f"select {counts} from {table.name}", database=table.database)
    return tuple((n, int(count)) for n, count in zip(names, found, strict=True) if count and int(count)), (query,)
