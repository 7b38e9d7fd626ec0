"""The lines whose id another id space keeps: found in their files, and set aside with number and text.

Where two sources number their patients alike these are many, so they are given one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from caremesh.engines.claim_reason import claim_reason
from caremesh.engines.desk import Desk
from caremesh.errors import LandingError
from caremesh.sources.ndjson import BROKEN_FILE, cannot_be_read, open_lines
from caremesh.sources.sieve import QuarantinedLine

MOST_IDS = 100_000
"""So many ids are looked for at a time; where a file has more of them, it is read again."""


def find_claimed(desk: Desk) -> Iterator[QuarantinedLine]:
    """Give the claimed lines, after `settle_versions`; raise LandingError where a file changed meanwhile."""
    claimed = "select path, count(*) from unused where after = 'claimed' group by path"
    counts: Mapping[str, int] = dict(desk.connection.execute(claimed).fetchall())
    for index in desk.indexes():
        path = str(desk.path(index))
        found = 0
        for start in range(0, counts.get(path, 0), MOST_IDS):
            query = "select id, keeper from unused where path = ? and after = 'claimed' order by id limit ? offset ?"
            keepers = dict(desk.connection.execute(query, [path, MOST_IDS, start]).fetchall())
            for line in _find(desk, index, keepers):
                found += 1
                yield line
        if found != counts.get(path, 0):
            raise LandingError("changed while it was read", where=desk.files[index].path, hint="land it again")


def _find(desk: Desk, index: int, keepers: Mapping[str, str]) -> Iterator[QuarantinedLine]:
    """The lines of a file that are looked at as its versions of these ids; an id has one."""
    file = desk.files[index]
    sifted = desk.sifted(index)
    left_out = iter(sifted.left_out if sifted else ())
    skipped, ordinal = next(left_out, None), 0
    try:
        with open_lines(Path(file.path)) as lines:
            for number, line in enumerate(lines, start=1):
                if line.isspace():
                    continue
                ordinal += 1
                if ordinal == skipped:
                    skipped = next(left_out, None)
                elif keeper := keepers.get(orjson.loads(line)["id"]):
                    raw = line.rstrip(b"\r\n").decode("utf-8", errors="backslashreplace")
                    yield QuarantinedLine(file.export, file.name, number, claim_reason(keeper), raw)
    except (KeyError, TypeError, orjson.JSONDecodeError):
        raise LandingError("changed while it was read", where=file.path, hint="land it again") from None
    except BROKEN_FILE as error:
        raise cannot_be_read(file.path, error) from None
