"""The catalog pages of a lake in S3, as a folder that publishers of files can write to."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caremesh.aws.objects import Conflict, Objects
from caremesh.errors import LakeLockedError
from caremesh.lake.files import remove_folder

INDEX = "index.html"


@contextmanager
def mirror_catalog(objects: Objects, key: str, folder: Path) -> Iterator[Path]:
    """Bring the pages below `key` into `folder`; after the block send what differs, and remove what is gone.

    A page is replaced only as it was brought. Raises LakeLockedError where another run wrote it since.
    """
    remove_folder(folder)
    folder.mkdir(parents=True)
    # The console of S3 makes a folder as an object whose name ends in a slash.
    etags: dict[str, str] = {}
    for name in (n.removeprefix(f"{key}/") for n in objects.list(key) if not n.endswith("/")):
        if found := objects.read(f"{key}/{name}"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(found[0])
            etags[name] = found[1]
    before = _digests(folder)
    yield folder
    after = _digests(folder)
    changed = [name for name, digest in after.items() if before.get(name) != digest]
    # Pages first, then the index that links to them, then the removals: a reader never meets a dead link.
    for name in sorted(changed, key=lambda n: (n == INDEX, n)):
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        text = "; charset=utf-8" if kind.startswith("text/") else ""
        try:
            objects.swap(f"{key}/{name}", (folder / name).read_bytes(), etag=etags.get(name), type=kind + text)
        except Conflict:
            raise LakeLockedError(
                "another run wrote the catalog pages meanwhile", where=str(objects.place / key), hint="run again"
            ) from None
    objects.delete(f"{key}/{name}" for name in before if name not in after)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
