"""The portal: a publisher that writes the catalog as static pages, to be opened from disk or any web server.

The pages need nothing from outside, and are the same bytes for the same content: a plan compares bytes.
"""

from __future__ import annotations

from pathlib import Path

from caremesh.errors import RegisterError
from catalog.base import CatalogContent, Change, PublisherTarget
from catalog.pages import INDEX_PAGE, MARKER, render_pages

# The marker stands in the first lines of a page, so no page needs to be read to its end.
_MARKER_WITHIN = 2048


class Portal:
    """Writes one page for the lake, one per product and one per curated table into a folder."""

    name = "portal"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def plan(self, content: CatalogContent) -> tuple[Change, ...]:
        """Compare the pages in the folder with what the content asks for; write nothing."""
        return self._compare(render_pages(content))

    def apply(self, content: CatalogContent) -> tuple[Change, ...]:
        """Write the pages that differ and remove those of products that are gone."""
        pages = render_pages(content)
        changes = self._compare(pages)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for change in sorted(changes, key=_index_in_between):
                self._carry_out(change, pages)
        except OSError as error:
            raise _not_accessible(self._folder, error) from None
        return changes

    def _compare(self, pages: dict[str, bytes]) -> tuple[Change, ...]:
        try:
            there = {page: _bytes_of(self._folder / page) for page in pages}
            gone = sorted(set(self._own_pages()) - set(pages))
        except OSError as error:
            raise _not_accessible(self._folder, error) from None
        return (
            *(_compare_page(page, there=there[page], wanted=wanted) for page, wanted in sorted(pages.items())),
            *(Change("delete", page, "what it shows is no longer in the catalog") for page in gone),
        )

    def _own_pages(self) -> list[str]:
        # Reports and pages of others may stand in the folder: only a page with our marker is ours to delete.
        return [file.name for file in self._folder.glob("*.html") if _is_own(file)]

    def _carry_out(self, change: Change, pages: dict[str, bytes]) -> None:
        file = self._folder / change.target
        if change.action == "delete":
            file.unlink(missing_ok=True)
        elif change.action != "none":
            _write_atomically(file, pages[change.target])


def portal_for(target: PublisherTarget) -> Portal | None:
    """The portal of a target that has a folder for files."""
    return Portal(target.folder) if target.folder else None


PUBLISHER = portal_for


def _compare_page(page: str, *, there: bytes | None, wanted: bytes) -> Change:
    if there is None:
        return Change("create", page, f"{len(wanted):,} bytes")
    if there != wanted:
        return Change("update", page, f"{len(there):,} bytes become {len(wanted):,}")
    return Change("none", page, "up to date")


def _index_in_between(change: Change) -> tuple[int, str]:
    # Pages first, then the index that links to them, then the removals: a reader never meets a dead link.
    order = 2 if change.action == "delete" else int(change.target == INDEX_PAGE)
    return order, change.target


def _bytes_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _is_own(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as page:
        return MARKER.encode() in page.read(_MARKER_WITHIN)


def _write_atomically(file: Path, wanted: bytes) -> None:
    # A fixed name: what a killed run leaves behind is overwritten by the next one.
    aside = file.with_name(f".{file.name}.part")
    aside.write_bytes(wanted)
    aside.replace(file)


def _not_accessible(folder: Path, error: OSError) -> RegisterError:
    reason = error.strerror or type(error).__name__
    return RegisterError(
        f"the portal cannot be read or written: {reason}",
        where=str(error.filename or folder),
        hint="give the run a folder that it may write to",
    )
