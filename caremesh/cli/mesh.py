"""The commands that work on the mesh: the six stages, and what looks at their outcome."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from caremesh.cli.delivery import SafeCsv
from caremesh.cli.environment import days_before, make_settings, open_present_lake
from caremesh.cli.output import ShownText, own_name, print_line, say, stderr, stdout, tell_error
from caremesh.cli.running import finish, run_stages
from caremesh.errors import CareMeshError, ContractError, UsageError, join_errors, worst_exit_code
from caremesh.settings import DEFAULT_MEMORY_LIMIT, EngineChoice, Target, project_root

if TYPE_CHECKING:
    from caremesh.demo import ExportPlan
    from caremesh.lake.aws import AwsLake
    from caremesh.lake.base import Lake
    from caremesh.lake.query_rows import QueryResult
    from caremesh.pipeline import Stage

FLOW = "landing NDJSON → flatten → check → publish → curate → register → BI"

app = typer.Typer(
    help=f"CareMesh turns FHIR bulk exports into checked, versioned, governed data products.\n\n{FLOW}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Landing = Annotated[
    str | None, typer.Option(envvar="CAREMESH_LANDING", help="Folder, or s3://bucket/prefix, that holds the export(s).")
]
LakeOption = Annotated[
    str,
    typer.Option(envvar="CAREMESH_LAKE", help="Folder, or s3://bucket/prefix, of the lake; made if it is not there."),
]
TargetOption = Annotated[
    Target | None, typer.Option(envvar="CAREMESH_TARGET", help="Where the lake lives; else as --lake says.")
]
EngineOption = Annotated[
    EngineChoice,
    typer.Option("--engine", envvar="CAREMESH_ENGINE", help="What flattens; auto takes Athena for large input in S3."),
]
Project = Annotated[Path | None, typer.Option(envvar="CAREMESH_PROJECT", help="Folder with domains/ and dbt_project/.")]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", metavar="NAME", help="Where exports come from that do not say it themselves."),
]
DomainOption = Annotated[str | None, typer.Option("--domain", help="Only this domain's products.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")]
Memory = Annotated[str, typer.Option(help="Bound of DuckDB's buffers; it spills to disk beyond.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of DuckDB.")]
Format = Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="How rows are printed.")]
ProductName = Annotated[str, typer.Argument(metavar="DOMAIN.PRODUCT")]

DEFAULT_LAKE = "lake"


@app.command()
def run(
    landing: Landing = None,
    source: SourceOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    domain: DomainOption = None,
    project: Project = None,
    memory_limit: Memory = DEFAULT_MEMORY_LIMIT,
    threads: Threads = 2,
    engine: EngineOption = "duckdb",
    quiet: Quiet = False,
) -> None:
    """Run all six stages. The exit code is that of the worst that happened: 0 done, 3 lines were set aside."""
    settings = make_settings(
        lake,
        project=project,
        landing=landing,
        target=target,
        memory_limit=memory_limit,
        threads=threads,
        engine=engine,
        source=source,
    )
    finish(run_stages(settings, "run", domain=domain, quiet=quiet), settings)


def _add_lake_stage(stage: Stage, help_text: str) -> None:
    """Add a stage that always regards the whole lake."""

    def command(
        lake: LakeOption = DEFAULT_LAKE, target: TargetOption = None, project: Project = None, quiet: Quiet = False
    ) -> None:
        settings = make_settings(lake, project=project, target=target)
        finish(run_stages(settings, stage, stages=(stage,), quiet=quiet), settings)

    app.command(stage, help=help_text)(command)


@app.command()
def land(
    landing: Landing = None,
    source: SourceOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
    quiet: Quiet = False,
    forget: Annotated[str | None, typer.Option(help="Take this export out of the ledger instead.")] = None,
) -> None:
    """Stage 1: take the landing zone's exports into the ledger."""
    settings = make_settings(lake, project=project, landing=landing, target=target, source=source)
    if forget:
        from caremesh.pipeline import forget_export

        fallen = forget_export(settings, forget, command="land --forget")
        for name in fallen:
            print_line(f"export {name} goes with it: it is a copy of it, or was replayed from its quarantined lines")
        print_line(f"export {forget} is dropped from the ledger; the next run makes releases without it")
        return
    finish(run_stages(settings, "land", stages=("land",), quiet=quiet), settings)


@app.command()
def flatten(
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    domain: DomainOption = None,
    project: Project = None,
    memory_limit: Memory = DEFAULT_MEMORY_LIMIT,
    threads: Threads = 2,
    engine: EngineOption = "duckdb",
    quiet: Quiet = False,
) -> None:
    """Stage 2: make candidate releases from the landed files."""
    settings = make_settings(
        lake, project=project, target=target, memory_limit=memory_limit, threads=threads, engine=engine
    )
    finish(run_stages(settings, "flatten", stages=("flatten",), domain=domain, quiet=quiet), settings)


@app.command()
def check(
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    domain: DomainOption = None,
    project: Project = None,
    memory_limit: Memory = DEFAULT_MEMORY_LIMIT,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Stage 3: hold the candidates against their contracts."""
    settings = make_settings(lake, project=project, target=target, memory_limit=memory_limit, threads=threads)
    finish(run_stages(settings, "check", stages=("check",), domain=domain, quiet=quiet), settings)


@app.command()
def publish(
    product: Annotated[str | None, typer.Argument(metavar="[DOMAIN.PRODUCT]")] = None,
    release: Annotated[str | None, typer.Option(help="Make this earlier release current again.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    domain: DomainOption = None,
    project: Project = None,
    quiet: Quiet = False,
) -> None:
    """Stage 4: make the candidates that passed current; or, with --release, put an earlier release back."""
    settings = make_settings(lake, project=project, target=target)
    if product and release:
        from caremesh.pipeline import publish_release

        publish_release(settings, product, release, command="publish --release")
        _say_moved(product, release, lake)
        return
    if product or release:
        raise typer.BadParameter("DOMAIN.PRODUCT and --release go together")
    finish(run_stages(settings, "publish", stages=("publish",), domain=domain, quiet=quiet), settings)


_add_lake_stage("curate", "Stage 5: build and test the curated tables with dbt.")
_add_lake_stage("register", "Stage 6: bring the catalogs up to date.")


@app.command()
def rollback(
    product: ProductName,
    to: Annotated[str | None, typer.Option(help="Release to go back to; else the one before the current.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Point a product back to an earlier release; the release left behind is not published again by itself."""
    from caremesh.pipeline import rollback as roll_back

    left, release = roll_back(make_settings(lake, project=project, target=target), product, to, command="rollback")
    _say_moved(product, release, lake)
    print_line(f"to put {left} back: {own_name()} publish {product} --release {left} --lake {lake}")


@app.command()
def prune(
    keep: Annotated[
        int, typer.Option(min=1, help="So many releases of each product stay, the current among them.")
    ] = 5,
    days: Annotated[int, typer.Option(min=1, help="What was current within so many days stays, for its readers.")] = 7,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Remove old releases, and files that nothing refers to."""
    from caremesh import pipeline

    settings = make_settings(lake, project=project, target=target)
    before = days_before(settings.now, days)
    retired, others = pipeline.prune(settings, keep=keep, before=before, command="prune")
    for product, names in retired.items():
        print_line(f"{product}: removed {', '.join(names)}")
    print_line(f"{sum(map(len, retired.values()))} release(s) and {others} other file(s) removed")


@app.command()
def status(lake: LakeOption = DEFAULT_LAKE, target: TargetOption = None, project: Project = None) -> None:
    """Show current releases, failed candidates, exports in the ledger, watermarks, and jobs that are not whole."""
    from caremesh.console import exports_table, jobs_table, status_table, watermarks_table
    from caremesh.lake.watermark import list_watermarks
    from caremesh.products import find_domains, select_products

    settings = make_settings(lake, project=project, target=target)
    opened = open_present_lake(settings)
    console = stdout()
    console.print(status_table(select_products(find_domains(settings.domains_dir)), opened, width=console.width))
    ledger = opened.read_ledger()
    console.print(exports_table(ledger))
    if marks := list_watermarks(ledger):
        console.print(watermarks_table(marks))
    if unfinished := [j for j in ledger.jobs if j.state != "whole"]:
        console.print(jobs_table(unfinished))


@app.command()
def releases(
    product: ProductName, lake: LakeOption = DEFAULT_LAKE, target: TargetOption = None, project: Project = None
) -> None:
    """List a product's releases: which is current, which were kept, withdrawn or failed."""
    from caremesh.console import releases_table
    from caremesh.products import find_domains, select_products

    settings = make_settings(lake, project=project, target=target)
    opened = open_present_lake(settings)
    (chosen,) = select_products(find_domains(settings.domains_dir), product=product)
    stdout().print(releases_table(chosen, opened))


@app.command()
def removals(
    product: Annotated[str | None, typer.Argument(metavar="[DOMAIN.PRODUCT]")] = None,
    resources: Annotated[bool, typer.Option("--resources", help="One line for each resource, with its id.")] = False,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Show the receipts of removals: what exports said is gone, and the release from which it is."""
    from caremesh.console import removals_table
    from caremesh.lake.removals import find_removals
    from caremesh.products import find_domains, select_products

    settings = make_settings(lake, project=project, target=target)
    opened = open_present_lake(settings)
    chosen = select_products(find_domains(settings.domains_dir), product=product)
    found = [removal for p in chosen for removal in find_removals(p, opened)]
    stdout().print(removals_table(found, with_ids=resources))


@app.command()
def products(project: Project = None) -> None:
    """List the data products, and make sure that every contract and view is valid and that they agree."""
    from caremesh.console import products_table
    from caremesh.product_views import find_view_faults
    from caremesh.products import find_domains
    from quality.planning import find_rule_faults

    domains = find_domains(project_root(project) / "domains")
    every = [p for d in domains for p in d.products]
    faults = [fault for p in every for fault in (*find_view_faults(p), *find_rule_faults(p))]
    errors: list[CareMeshError] = [fault for fault in faults if not isinstance(fault, ContractError)]
    if of_contracts := [fault for fault in faults if isinstance(fault, ContractError)]:
        errors.append(join_errors(of_contracts))
    if errors:
        raise typer.Exit(worst_exit_code([tell_error(error) for error in errors]))
    stdout().print(products_table(domains))


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SQL statement (of DuckDB, or of Athena); it cannot change the lake.")],
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    output: Format = "table",
    safe_csv: SafeCsv = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Athena: only show bytes and cost.")] = False,
    max_bytes: Annotated[
        int | None,
        typer.Option(min=0, help="Athena: refuse what would scan more; else CAREMESH_ATHENA_BYTES_LIMIT."),
    ] = None,
) -> None:
    """Query the published products and curated tables: with DuckDB here, or in Athena for a lake in S3."""
    from caremesh.lake.aws import AwsLake
    from caremesh.lake.query_rows import write_rows

    if safe_csv and output != "csv":
        raise UsageError("--safe-csv is for CSV", hint="--format csv --safe-csv")
    opened = open_present_lake(make_settings(lake, target=target, needs_project=False))
    if isinstance(opened, AwsLake):
        result = _query_athena(opened, sql, is_dry=estimate, limit=max_bytes)
    else:
        result = _query_locally(opened, sql, asked_for_athena=estimate or max_bytes is not None)
    if result is None:
        return
    if output == "table":
        from caremesh.console import rows_table

        console = stdout()
        console.print(rows_table(result.columns, list(result.rows), width=console.width))
    else:
        write_rows(result, ShownText(sys.stdout), form=output, safe=safe_csv)


@app.command()
def new(
    domain: str,
    product: str,
    resource: Annotated[str, typer.Option(help="FHIR R4 resource type that the product's rows come from.")],
    project: Project = None,
) -> None:
    """Scaffold a data product: one folder with contract, view and example, which passes its test as it is."""
    from caremesh.scaffold import write_product

    domains = project_root(project) / "domains"
    folder, left_out = write_product(domains, domain=domain, product=product, resource=resource)
    print_line(f"wrote {folder}: edit contract.odcs.yaml and view.json together, then run: caremesh products")
    if left_out:
        print_line(f"Left to you, as there are several ways to lay them out: {', '.join(left_out)}")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's landing zone and lake go.")] = Path(".demo"),
    patients: Annotated[int, typer.Option(min=1, help="How many synthetic patients.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same export, byte by byte.")] = 7,
    damaged_lines: Annotated[int, typer.Option(min=0, help="So many deliberately damaged lines.")] = 0,
    increment: Annotated[bool, typer.Option("--increment", help="Add a second, incremental export.")] = False,
    export_only: Annotated[bool, typer.Option("--export-only", help="Only write the export.")] = False,
    quiet: Quiet = False,
) -> None:
    """Generate a synthetic HealthLake export and run all six stages on it."""
    from caremesh.demo import ExportPlan

    plan = ExportPlan(patients=patients, seed=seed, damaged_lines=damaged_lines)
    landing = folder / "landing"
    for sequence in (0, 1) if increment else (0,):
        _generate(plan, landing, sequence, quiet=quiet)
    if export_only:
        return
    settings = make_settings(str(folder / "lake"), landing=str(landing))
    finish(run_stages(settings, "demo", quiet=quiet), settings, with_examples=True)


def _generate(plan: ExportPlan, landing: Path, sequence: int, *, quiet: bool) -> None:
    from caremesh.console import counting
    from caremesh.demo import export_name, write_export, write_increment

    name = export_name(plan, sequence=sequence)
    if (landing / name).exists():
        say(f"export {name} is there already", quiet)
        return
    with counting(stderr(), "generate", quiet=quiet) as on_progress:
        if sequence:
            write_increment(plan, landing, sequence=sequence, on_progress=on_progress)
        else:
            write_export(plan, landing, on_progress=on_progress)
    say(f"wrote synthetic export {name} of {plan.patients:,} patients", quiet)


def _query_locally(opened: Lake, sql: str, *, asked_for_athena: bool) -> QueryResult:
    from caremesh.lake.local import LocalLake
    from caremesh.lake.query import run_query

    if asked_for_athena or not isinstance(opened, LocalLake):
        raise UsageError("--estimate and --max-bytes are for Athena", hint="--lake s3://bucket/prefix")
    return run_query(opened, sql)


def _query_athena(opened: AwsLake, sql: str, *, is_dry: bool, limit: int | None) -> QueryResult | None:
    """Run a statement in Athena, unless it is only to be estimated; say what it would scan, and what it did scan."""
    from caremesh.lake.athena_query import prepare_query, run_in_athena
    from caremesh.lake.query_estimate import show_bytes, show_price

    settings = opened.aws.settings
    limit = settings.bytes_limit if limit is None else limit
    prepared = prepare_query(opened.aws, sql)
    if not is_dry:
        prepared.estimate.check(limit, settings.price_per_tb)
    say(prepared.estimate.words(settings.price_per_tb))
    if is_dry:
        return None
    result, scanned = run_in_athena(opened.aws, prepared, output=opened.query_output, limit=limit)
    price = show_price(scanned.bytes, settings.price_per_tb)
    say(f"scanned {show_bytes(scanned.bytes)}, {price} (Athena query {scanned.id})")
    return result


def _say_moved(product: str, release: str, lake: str) -> None:
    follow = "; ".join(f"{own_name()} {stage} --lake {lake}" for stage in ("curate", "register"))
    print_line(f"{product} is at release {release}")
    print_line(f"curated tables and catalog follow with: {follow}")
