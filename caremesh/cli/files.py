"""The command that shows every landed file and what became of it."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Annotated, Literal

import typer

from caremesh.cli.environment import make_settings, open_present_lake
from caremesh.cli.mesh import DEFAULT_LAKE, LakeOption, Project, TargetOption
from caremesh.cli.output import print_line, stdout
from caremesh.errors import UsageError


def files(
    export: Annotated[str | None, typer.Argument(metavar="[EXPORT]")] = None,
    output: Annotated[
        Literal["table", "json"], typer.Option("--format", help="json: with what became of the lines, by product.")
    ] = "table",
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Show every landed file: its lines, bytes and digest, and whether every product that reads it has published it."""
    from caremesh.console import files_table
    from caremesh.lake.landed_files import Reader, account_for_files
    from caremesh.product_views import compile_product
    from caremesh.products import find_domains, select_products

    settings = make_settings(lake, project=project, target=target)
    opened = open_present_lake(settings)
    ledger = opened.read_ledger()
    if export is not None and ledger.export(export) is None:
        names = ", ".join(e.name for e in ledger.exports) or "none"
        raise UsageError(f"no export is called {export!r}", hint=f"one of: {names}")
    readers = [
        Reader(p.id, frozenset(v.resource for v in compile_product(p)), opened.current(p))
        for p in select_products(find_domains(settings.domains_dir))
        if p.view_files
    ]
    accounts = account_for_files(ledger, readers, export=export)
    if output == "json":
        print_line(json.dumps([account.to_json() for account in accounts]))
        return
    for (name, source), group in groupby(accounts, key=lambda account: (account.file.export, account.source)):
        stdout().print(files_table(name, source, group))
