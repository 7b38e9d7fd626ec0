"""The command that shows which rows name resources that have not arrived."""

from __future__ import annotations

from typing import Annotated

import typer

from caremesh.cli.environment import make_settings, open_present_lake
from caremesh.cli.mesh import DEFAULT_LAKE, LakeOption, Project, TargetOption
from caremesh.cli.output import print_line, stdout


def incomplete(
    product: Annotated[str | None, typer.Argument(metavar="[DOMAIN.PRODUCT]")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="One line for each missing reference, with its ids.")] = False,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
) -> None:
    """Show how many rows of the current releases name resources that have not arrived, by column."""
    from caremesh.console import incomplete_table, missing_table
    from caremesh.lake.incomplete import read_missing
    from caremesh.products import find_domains, select_products

    settings = make_settings(lake, project=project, target=target)
    opened = open_present_lake(settings)
    chosen = select_products(find_domains(settings.domains_dir), product=product)
    found = [(p, m) for p in chosen if (m := opened.current(p)) and m.completeness]
    if not found:
        print_line("no current release there was asked for completeness by its contract")
    elif rows:
        stdout().print(missing_table((p, missing) for p, m in found for missing in read_missing(opened, p, m)))
    else:
        stdout().print(incomplete_table([m for _, m in found]))
