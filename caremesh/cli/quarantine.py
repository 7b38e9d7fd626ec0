"""The commands on quarantined lines. A line's text is patients' data: only `--raw` shows it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caremesh.cli.delivery import written_aside
from caremesh.cli.environment import make_settings
from caremesh.cli.mesh import (
    DEFAULT_LAKE,
    EngineOption,
    LakeOption,
    Memory,
    Project,
    Quiet,
    TargetOption,
    Threads,
)
from caremesh.cli.output import print_line, say, stdout
from caremesh.cli.running import finish, run_stages
from caremesh.errors import UsageError
from caremesh.settings import DEFAULT_MEMORY_LIMIT

if TYPE_CHECKING:
    from caremesh.pipeline import Stage
    from caremesh.quarantine import Judged

FOLLOWING: tuple[Stage, ...] = ("flatten", "check", "publish", "curate", "register")

_PLACE = re.compile(r" at column \d+$")

app = typer.Typer(help="See the lines that could not be used, land them again, or give them up.", no_args_is_help=True)

ProductOption = Annotated[
    str | None, typer.Option("--product", metavar="DOMAIN.PRODUCT", help="Only lines that this product refuses.")
]
ExportOption = Annotated[str | None, typer.Option("--export", help="Only lines of this export.")]
ReasonLike = Annotated[str | None, typer.Option("--reason-like", help="Only lines whose reason holds this text.")]
Raw = Annotated[bool, typer.Option("--raw", help="Also the lines' text, which is patients' data.")]
Lines = Annotated[list[str] | None, typer.Argument(metavar="[LINE]…", help="Line numbers, as `list --lines` shows.")]


@app.command("list")
def list_lines(
    product: ProductOption = None,
    export: ExportOption = None,
    reason_like: ReasonLike = None,
    everything: Annotated[bool, typer.Option("--all", help="Also lines on which somebody decided.")] = False,
    lines: Annotated[bool, typer.Option("--lines", help="One line each, instead of counts.")] = False,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Count the open lines by product, export, file and reason; never show their text."""
    from caremesh.console import quarantine_table
    from caremesh.quarantine import Selection, read_quarantine

    settings = make_settings(lake, project=project, target=target)
    chosen = Selection(product=product, export=export, reason_like=reason_like)
    judged = (j for j in read_quarantine(settings, chosen) if everything or j.decision is None)
    if lines:
        for one in judged:
            r = one.refusal
            print_line(f"{r.export}/{r.file}:{r.number}: {r.product}: {r.reason}{_state(one)}")
        return
    groups = Counter(_group(j) for j in judged)
    if groups:
        stdout().print(quarantine_table(groups))
    else:
        print_line("no line is in quarantine" if everything else "no line is open")


@app.command()
def show(
    export: str,
    file: str,
    line: Annotated[str, typer.Argument(help="The line's number, as `list --lines` shows it.")],
    raw: Raw = False,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Show everything about one line; its text only with --raw."""
    from caremesh.quarantine import Selection, read_quarantine

    settings = make_settings(lake, project=project, target=target)
    found = list(read_quarantine(settings, Selection(export=export, file=file, lines=(line,)), raw=raw))
    if not found:
        raise UsageError(
            "no such line is in quarantine",
            where=f"{export}/{file}:{line}",
            hint=settings.command("quarantine list --lines --all"),
        )
    first = found[0]
    print_line(f"{export}/{file}:{first.refusal.number}: {_state(first).strip(' []') or 'open'}")
    for judged in found:
        r = judged.refusal
        print_line(f"  {r.product}, release {r.release}: {r.reason}")
    print_line(f"  digest of its text: {first.refusal.text}")
    if first.decision:
        d = first.decision
        print_line(f"  {d.action} at {d.at}{f', into {d.by}' if d.by else ''}: {d.reason}")
    if raw:
        say(f"what follows is patients' data: {len(first.refusal.raw.encode()):,} bytes")
        print_line(first.refusal.raw)


@app.command()
def dump(
    raw: Raw = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else stdout.")] = None,
    product: ProductOption = None,
    export: ExportOption = None,
    reason_like: ReasonLike = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Write the open lines as NDJSON, to be corrected in `raw` and given to `quarantine replay`."""
    from caremesh.quarantine import Selection, read_open

    if not raw:
        raise UsageError("a dump holds the lines' text, which is patients' data", hint="say so: --raw")
    settings = make_settings(lake, project=project, target=target)
    chosen = Selection(product=product, export=export, reason_like=reason_like)
    written = 0
    with _private_file(output) as path, path.open("w", encoding="utf-8") as rows:
        for r in read_open(settings, chosen, raw=True):
            row = {"export": r.export, "file": r.file, "line": r.line, "text": r.text, "reason": r.reason, "raw": r.raw}
            rows.write(json.dumps(row, ensure_ascii=False) + "\n")
            written += 1
    say(f"{written:,} line(s) written, as they came: this is patients' data, to be kept and removed as such")


@app.command()
def replay(
    file: Annotated[
        Path | None, typer.Argument(help="Corrected lines, as `dump` wrote them; else the open lines.")
    ] = None,
    product: ProductOption = None,
    export: ExportOption = None,
    reason_like: ReasonLike = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the ledger.")] = None,
    run: Annotated[bool, typer.Option("--run", help="Run flatten to register at once.")] = False,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
    memory_limit: Memory = DEFAULT_MEMORY_LIMIT,
    threads: Threads = 2,
    engine: EngineOption = "duckdb",
    quiet: Quiet = False,
) -> None:
    """Land open lines again, corrected or as they are; those that fail again stand open as lines of the replay."""
    from caremesh.quarantine import Selection
    from caremesh.replay import replay as land_again

    settings = make_settings(
        lake, project=project, target=target, memory_limit=memory_limit, threads=threads, engine=engine
    )
    made = land_again(
        settings,
        Selection(product=product, export=export, reason_like=reason_like),
        corrections=file,
        reason=reason or ("corrected" if file else "judged again"),
        command="quarantine replay",
    )
    if made.unchanged:
        say(f"{made.unchanged:,} line(s) of the file are as they were, and stay open")
    if not made.lines:
        print_line("nothing to replay")
        return
    print_line(f"{made.lines:,} line(s) landed again as {', '.join(made.exports)}")
    if run:
        finish(run_stages(settings, "quarantine replay --run", stages=FOLLOWING, quiet=quiet), settings)
        return
    print_line(f"they count after: {settings.command('run --landing …')}, or {', '.join(FOLLOWING)} one by one")


@app.command()
def discard(
    reason: Annotated[str, typer.Option(help="Why, for the ledger. No patients' data, please.")],
    export: Annotated[str | None, typer.Argument()] = None,
    file: Annotated[str | None, typer.Argument()] = None,
    lines: Lines = None,
    product: ProductOption = None,
    reason_like: ReasonLike = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Give open lines up: they stay in quarantine, and are no longer asked about."""
    from caremesh.quarantine import Selection
    from caremesh.quarantine import discard as give_up

    if not reason.strip():
        raise UsageError("there is no reason", hint="--reason TEXT")
    if export is None and product is None and reason_like is None:
        raise UsageError("which lines?", hint="EXPORT [FILE [LINE…]], or --product, or --reason-like")
    settings = make_settings(lake, project=project, target=target)
    chosen = Selection(product, export, file, tuple(lines or ()), reason_like)
    number = give_up(settings, chosen, reason=reason, command="quarantine discard")
    print_line(f"{number:,} line(s) discarded" if number else "no line is open there")
    if number:
        print_line(f"the catalog follows with: {settings.command('register')}")


@app.command()
def reopen(
    export: str,
    file: str,
    lines: Lines = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Take back what was decided on lines of a file; they are open again."""
    from caremesh.quarantine import Selection
    from caremesh.quarantine import reopen as take_back

    settings = make_settings(lake, project=project, target=target)
    chosen = Selection(export=export, file=file, lines=tuple(lines or ()))
    taken = take_back(settings, chosen, command="quarantine reopen")
    print_line(f"{len(taken):,} line(s) open again" if taken else "nothing was decided there")
    for name in sorted({d.by for d in taken if d.by}):
        print_line(f"what was landed as {name} stays; to drop it: {settings.forget_command(name)}")


def _group(judged: Judged) -> tuple[str, str, str, str, str]:
    """What a line is counted under: where in the line its fault is makes no difference."""
    r = judged.refusal
    return r.product, r.export, r.file, _PLACE.sub("", r.reason), _state(judged)


def _state(judged: Judged) -> str:
    """What was decided on a line, in brackets; empty where it is open."""
    decision = judged.decision
    if decision is None:
        return ""
    return f" [{decision.action}: {decision.by or decision.reason}]"


@contextmanager
def _private_file(output: Path | None) -> Iterator[Path]:
    """A file to write, which only its owner may read; it becomes `output`, or goes to stdout."""
    with tempfile.TemporaryDirectory(prefix="caremesh-") as folder, written_aside(output, scratch=Path(folder)) as path:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        yield path
