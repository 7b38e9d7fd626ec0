"""The commands for one SQL on FHIR view and any NDJSON files: no lake, no contract, nothing kept.

What is imported here is imported at every start: the engine and what shows progress come in when they are needed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from caremesh.cli.delivery import SafeCsv, written_aside
from caremesh.cli.output import print_line, report_error, say, stdout
from caremesh.cli.progress import shown_progress
from caremesh.errors import EXIT_QUARANTINED, UsageError, ViewError
from caremesh.settings import DEFAULT_MEMORY_LIMIT, check_memory_limit

if TYPE_CHECKING:
    from caremesh.engines.intake import Intake
    from caremesh.engines.output import Form
    from caremesh.fhir import CompiledView
    from caremesh.sources.ndjson import LineFile
    from caremesh.sources.sieve import QuarantinedLine

app = typer.Typer(help="Run, translate or check a SQL on FHIR view, without a lake.", no_args_is_help=True)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Leave out progress and summary.")]
Strict = Annotated[bool, typer.Option(help="One pass: fail at a line that is amiss; do not look for repeated ids.")]
ViewFile = Annotated[Path, typer.Argument(metavar="VIEW", help="A ViewDefinition (JSON).")]

SHOWN_LINES = 10
"""So many bad lines are named where no quarantine file was asked for."""

# Below this a run is over before anybody has read a progress bar.
_SHOW_PROGRESS_BYTES = 100_000_000


@app.command()
def run(
    view: ViewFile,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="NDJSON files, plain or gzipped (.gz).")],
    form: Annotated[
        Literal["ndjson", "csv", "parquet"] | None,
        typer.Option("--format", help="How rows are written; else as OUT is named, else ndjson."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Else rows go to stdout.")
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep lines that cannot be used, with reasons (NDJSON).")
    ] = None,
    safe_csv: SafeCsv = False,
    strict: Strict = False,
    memory_limit: Annotated[str, typer.Option(help="Bound of DuckDB's buffers.")] = DEFAULT_MEMORY_LIMIT,
    threads: Annotated[int, typer.Option(min=1, help="Threads of DuckDB.")] = 2,
    quiet: Quiet = False,
) -> None:
    """Write the rows of a view over files, in no fixed order. Exit 3 where lines could not be used."""
    written = _written_form(form, output, safe_csv=safe_csv)
    _refuse_contradictions(written, output, strict=strict, quarantine=quarantine, memory_limit=memory_limit)
    compiled = _compile(view, "duckdb")
    from caremesh.engines.intake import flatten_files
    from caremesh.engines.view_rows import flatten_strictly, name_files, open_view_engine

    named = name_files(files, compiled.resource)
    quarantined: Sequence[QuarantinedLine] = ()
    with tempfile.TemporaryDirectory(prefix="caremesh-") as folder:
        scratch = Path(folder)
        with (
            written_aside(output, scratch=scratch) as target,
            shown_progress(is_wanted=not quiet and _is_long(named)) as watch,
            open_view_engine(named, memory_limit=memory_limit, threads=threads, scratch=scratch) as connection,
        ):
            watch(connection)
            if strict:
                rows = flatten_strictly(connection, view=compiled, files=named, target=target, form=written)
                summary = f"{rows:,} rows; lines were not counted (--strict)"
            else:
                intake = flatten_files(
                    connection, view=compiled, files=named, target=target, scratch=scratch, form=written
                )
                summary, quarantined = _summary(intake), intake.quarantined
            if quarantine:
                _keep(quarantined, quarantine, scratch=scratch)
    say(summary, quiet)
    if quarantined:
        _tell(quarantined, quarantine)
        raise typer.Exit(EXIT_QUARANTINED)


@app.command()
def sql(
    view: ViewFile,
    dialect: Annotated[Literal["duckdb", "athena"], typer.Option(help="The engine that is to run it.")] = "duckdb",
    file: Annotated[list[Path] | None, typer.Option(help="File to read (DuckDB); may be given again.")] = None,
    table: Annotated[str | None, typer.Option(help="Table of lines to read, column `line` (Athena).")] = None,
) -> None:
    """Print a view as one complete SQL statement."""
    compiled = _compile(view, dialect)
    if dialect == "duckdb":
        from caremesh.engines.duckdb import read_view_sql

        print_line(read_view_sql(compiled, file or [Path(f"{compiled.resource}.ndjson")]) + ";")
        return
    from caremesh.engines.line_sql import read_view_sql as read_table_sql

    print_line(read_table_sql(compiled, table or f"{compiled.resource.lower()}_lines") + ";")


@app.command()
def lint(views: Annotated[list[Path], typer.Argument(metavar="VIEW…", help="ViewDefinitions (JSON).")]) -> None:
    """Say what is wrong with views, or else which columns they give. Exit 11 where one is invalid."""
    from rich import box
    from rich.table import Table

    errors = []
    for path in views:
        try:
            columns = _compile(path, "duckdb").columns
            _compile(path, "athena")
        except ViewError as refused:
            errors.append(refused)
            continue
        print_line(str(path))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for header in ("column", "FHIR type", "SQL type", "collection"):
            table.add_column(header, no_wrap=True)
        for column in columns:
            table.add_row(column.name, column.fhir_type, column.sql_type, "yes" if column.collection else "")
        stdout().print(table)
    for error in errors:
        report_error(error)
    if errors:
        raise typer.Exit(ViewError.exit_code)


def _compile(path: Path, dialect: Literal["duckdb", "athena"]) -> CompiledView:
    from caremesh.fhir import ATHENA, DUCKDB, compile_view, parse_view

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ViewError(f"cannot be read: {reason}", where=str(path), hint="the file of a ViewDefinition") from None
    return compile_view(parse_view(text, where=str(path)), DUCKDB if dialect == "duckdb" else ATHENA)


def _written_form(stated: Literal["ndjson", "csv", "parquet"] | None, output: Path | None, *, safe_csv: bool) -> Form:
    form = stated or _form_of(output)
    if not safe_csv:
        return form
    if form != "csv":
        raise UsageError("--safe-csv is for CSV", hint="--format csv --safe-csv")
    return "safe-csv"


def _form_of(output: Path | None) -> Form:
    forms: dict[str, Form] = {".csv": "csv", ".parquet": "parquet"}
    return forms.get(output.suffix, "ndjson") if output else "ndjson"


def _refuse_contradictions(
    form: Form, output: Path | None, *, strict: bool, quarantine: Path | None, memory_limit: str
) -> None:
    check_memory_limit(memory_limit)
    if form == "parquet" and output is None:
        raise UsageError("Parquet cannot go to stdout", hint="-o OUT.parquet")
    if strict and quarantine:
        raise UsageError("a strict run sets no line aside", hint="leave out --strict or --quarantine")


def _is_long(files: Sequence[LineFile]) -> bool:
    return sum(Path(f.path).stat().st_size for f in files) > _SHOW_PROGRESS_BYTES


def _summary(intake: Intake) -> str:
    """Where every line went, and what came of it."""
    used, superseded = sum(c.used for c in intake.counts), sum(c.superseded for c in intake.counts)
    quarantined = len(intake.quarantined)
    return (
        f"{used + superseded + quarantined:,} lines = {used:,} used + {superseded:,} superseded + "
        f"{quarantined:,} quarantined; {intake.rows:,} rows"
    )


def _keep(lines: Sequence[QuarantinedLine], path: Path, *, scratch: Path) -> None:
    with written_aside(path, scratch=scratch) as aside, aside.open("w", encoding="utf-8") as file:
        for line in lines:
            kept = {"file": line.file, "line": line.line, "reason": line.reason, "raw": line.raw}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")


def _tell(lines: Sequence[QuarantinedLine], kept_in: Path | None) -> None:
    """Say which lines could not be used; their text stands in the quarantine file and nowhere else."""
    if kept_in:
        say(f"{len(lines):,} line(s) could not be used: {kept_in} holds them, with reasons")
        return
    say(f"{len(lines):,} line(s) could not be used:")
    for line in lines[:SHOWN_LINES]:
        say(f"  {line.file}:{line.line}: {line.reason}")
    if len(lines) > SHOWN_LINES:
        say(f"  … and {len(lines) - SHOWN_LINES:,} more")
    say("--quarantine FILE keeps their text")
