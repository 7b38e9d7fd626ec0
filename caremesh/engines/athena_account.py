"""The account of an intake in Athena: every line of every file is somewhere, or the run fails.

Where nobody counted the lines of a file, its size tells whether all of it was read: lines and their ends are as long
together as the file. Where they are not (ends of both kinds, bytes that are no UTF-8, a gzip file of several members),
the file is read here once and counted, as what Athena did not see once it would not see again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass

from caremesh.aws import Aws
from caremesh.engines.intake import FileCount
from caremesh.engines.landed_objects import count_object_lines, is_packed, plain_sizes
from caremesh.errors import LandingError
from caremesh.sources.ndjson import BYTE_ORDER_MARK, LandedFile

# A gzip file states its size modulo this.
_PACKED_SIZES = 1 << 32
# A carriage return and a line feed.
_LONGEST_END = 2


@dataclass(frozen=True)
class Found:
    """What was found of one file: its lines, and how many of those used stand there twice.

    `bytes` are those of all its lines, `ends` how many lines those are: blank ones are among them. `claimed` are those
    in quarantine whose id another id space keeps.
    """

    used: int = 0
    superseded: int = 0
    quarantined: int = 0
    twins: int = 0
    bytes: int = 0
    ends: int = 0
    claimed: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def account_for_lines(
    aws: Aws, files: Sequence[LandedFile], found: Mapping[str, Found], *, marked: Collection[str]
) -> tuple[FileCount, ...]:
    """Count every line of every file; a sum that does not hold is an error, never a footnote.

    `found` is by path; `marked` are the paths of files with a byte order mark, which Athena takes away.
    """
    strays = found.keys() - {file.path for file in files}
    if strays:
        raise LandingError("is read, and was not asked for", where=min(strays), hint="make its table of lines anew")
    uncounted = [file for file in files if file.lines is None]
    sizes = plain_sizes(aws, uncounted)
    left = {
        file.path: size - found.get(file.path, Found()).bytes - (len(BYTE_ORDER_MARK) if file.path in marked else 0)
        for file, size in zip(uncounted, sizes, strict=True)
    }
    unclear = [file for file in uncounted if not _is_whole(file, found.get(file.path, Found()), left[file.path])]
    counted = dict(zip((f.path for f in unclear), count_object_lines(aws, unclear), strict=True))
    return tuple(_account(f, found.get(f.path, Found()), counted, left.get(f.path, 0)) for f in files)


def _is_whole(file: LandedFile, found: Found, left: int) -> bool:
    """Whether the lines of a file are as long as it is, with their ends: all of one byte, or all of two."""
    if not found.ends:
        # The last member of a gzip file may be empty, whatever stands before it.
        return file.bytes == 0
    # The last line may have no end.
    fitting = {found.ends, found.ends - 1, _LONGEST_END * found.ends, _LONGEST_END * (found.ends - 1)}
    return (left % _PACKED_SIZES if is_packed(file) else left) in fitting


def _account(file: LandedFile, found: Found, counted: Mapping[str, int], left: int) -> FileCount:
    count = FileCount(file, used=found.used, superseded=found.superseded, quarantined=found.quarantined)
    stated = counted.get(file.path, count.lines) if file.lines is None else file.lines
    if count.lines != stated:
        raise LandingError(
            f"it has {stated} lines, but {found.used} used + {found.superseded} superseded + "
            f"{found.quarantined} quarantined were found in Athena",
            where=file.path,
            hint="land it again if it changed; flatten with engine duckdb if lines hold carriage returns",
        )
    # Bytes that are no UTF-8 make lines longer in Athena, and never shorter. A file of blank lines has none to lose.
    if found.ends and not is_packed(file) and left > _LONGEST_END * found.ends:
        raise LandingError(
            f"of its {file.bytes:,} bytes, {left:,} are in no line that was found in Athena",
            where=file.path,
            hint="land it again if it changed; else flatten with engine duckdb",
        )
    return count
