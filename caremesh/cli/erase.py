"""The command that erases one person's data."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from caremesh.cli.environment import make_settings
from caremesh.cli.mesh import DEFAULT_LAKE, LakeOption, Landing, Project, Quiet, TargetOption
from caremesh.cli.output import print_line, say
from caremesh.errors import UsageError

if TYPE_CHECKING:
    from caremesh.erasure import Preview
    from caremesh.settings import Settings


def erase(
    subject: Annotated[
        str | None, typer.Argument(metavar="[Patient/ID]", help="Without it: finish what was interrupted.")
    ] = None,
    landing: Landing = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    project: Project = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the receipts.")] = False,
    verify: Annotated[
        str | None, typer.Option(metavar="RECEIPT", help="Say whether this receipt is about that person.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Erase a person's data from landing, releases, quarantine and curated tables; what was done is told by a receipt.

    With --landing, what stands in that folder and was not landed yet is searched too.
    """
    from caremesh import erasure

    settings = make_settings(lake, project=project, landing=landing, target=target)
    if listed:
        _list(settings)
    elif verify:
        _verify(settings, verify, subject)
    elif dry_run:
        _show(erasure.preview(settings, _require(subject), salt=secrets.token_hex(16)))
    else:
        receipt = erasure.erase(
            settings,
            subject,
            salt=secrets.token_hex(16),
            confirm=lambda preview: _confirm(preview, yes=yes),
            say=lambda text: say(text, quiet),
        )
        if receipt:
            print_line(f"erased; receipt {receipt.receipt}")
            print_line("not reached: " + "; ".join(receipt.not_reached))


def _require(subject: str | None) -> str:
    if subject is None:
        raise UsageError("no person was named", hint="caremesh erase Patient/ID")
    return subject


def _confirm(preview: Preview, *, yes: bool) -> bool:
    _show(preview)
    if preview.is_empty:
        return False
    return yes or typer.confirm("Erase all this? It cannot be undone", default=False)


def _show(preview: Preview) -> None:
    if preview.is_empty:
        print_line("nothing of this person was found: nothing is changed")
    for export, count in preview.exports.items():
        print_line(
            f"{export or 'files that were not landed'}: {count['lines_removed']:,} line(s) to remove and "
            f"{count['lines_scrubbed']:,} to scrub, in {count['files']:,} file(s)"
        )
    for (product, release), taken in preview.releases.items():
        print_line(
            f"{product}, release {release}: {taken.rows:,} row(s) and {taken.quarantined:,} quarantined line(s) to "
            f"remove, {taken.cells:,} cell(s) to empty"
        )
    if preview.linked:
        print_line(f"linked with {preview.linked} other Patient record(s): erase each that is of the same person")
    if preview.downloads and not preview.is_empty:
        print_line(
            f"{preview.downloads} download(s) that go on will be dropped: caremesh export follow fetches them anew"
        )
    for path in preview.left:
        print_line(f"names her and is left as it is, as it is no NDJSON: {path}")


def _list(settings: Settings) -> None:
    from caremesh.erasure import open_erasable
    from caremesh.lake.erasures import read_receipts

    for receipt in read_receipts(open_erasable(settings).root):
        lines = sum(count["lines_removed"] for count in receipt.exports.values())
        releases = sum(map(len, receipt.products.values()))
        print_line(f"{receipt.receipt}  {receipt.at}  {lines:,} line(s), {releases} release(s)")


def _verify(settings: Settings, name: str, subject: str | None) -> None:
    from caremesh.erasure import open_erasable, read_subject
    from caremesh.lake.erasures import require_receipt

    read_subject(_require(subject))
    is_about = require_receipt(open_erasable(settings).root, name).is_about(_require(subject))
    print_line("the receipt is about this person" if is_about else "the receipt is about somebody else")
    if not is_about:
        raise typer.Exit(1)
