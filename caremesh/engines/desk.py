"""The state of one intake: which files it reads, from where, and what is known of those that are not clean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import duckdb

from caremesh.engines.duckdb import Source, read_view_sql
from caremesh.engines.exact import read_as_written_sql
from caremesh.engines.versions import History
from caremesh.fhir import CompiledView
from caremesh.id_spaces import SOURCE_COLUMN
from caremesh.quoting import quote_text
from caremesh.sources.ndjson import LandedFile, LineFile

if TYPE_CHECKING:
    from caremesh.engines.damage import DamagedFile
    from caremesh.engines.part_files import PartFiles
    from caremesh.engines.suspects import Lines
    from caremesh.sources.sieve import Sifted


@dataclass
class Desk:
    """The state of one intake: the files, oldest export first, and what is known of those that are not clean.

    `lines` holds the tables of files that were looked through, `unreadable` those that could not be; in those that are
    `disentangled`, lines that share an id were looked at. `found` says how many resources stand in a file. Where some
    give no rows, as another version of them is used or they were deleted, it `has_unused`: the table `unused` has them.
    Full exports that are `withheld` have lines that nobody can tell the ids of: they remove nothing.
    """

    connection: duckdb.DuckDBPyConnection
    view: CompiledView
    files: Sequence[LineFile]
    scratch: Path
    on_sift: Callable[[LineFile], None] | None
    history: History | None = None
    damaged: dict[int, DamagedFile] = field(default_factory=dict)
    lines: dict[int, Lines] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)
    disentangled: set[int] = field(default_factory=set)
    found: dict[int, int] = field(default_factory=dict)
    parts: PartFiles | None = None
    has_unused: bool = False
    withheld: tuple[str, ...] = ()
    rows: int = 0

    def sifted(self, index: int) -> Sifted | None:
        """What became of a file's lines, where it was looked into."""
        return self.damaged[index].sifted if index in self.damaged else None

    def path(self, index: int) -> Source:
        """Where the lines of a file that are used are read: the file itself, or a part of it."""
        sifted = self.sifted(index)
        if not sifted:
            return self.original(index)
        if self.parts is None:
            # Most files are clean, and its library costs a tenth of a start.
            from caremesh.engines.part_files import PartFiles

            self.parts = PartFiles(self.connection)
        return self.parts.show(f"{index}.ndjson", self.damaged[index].plain, sifted.used)

    def paths(self) -> list[Source]:
        """Where all lines that are used are read."""
        return [self.path(i) for i in self.indexes()]

    def indexes(self) -> list[int]:
        """The files with lines to read."""
        return [i for i in range(len(self.files)) if self.expected(i) != 0]

    def expected(self, index: int) -> int | None:
        """How many resources the strict reader must find in a file; None where nobody counted."""
        sifted = self.sifted(index)
        if sifted:
            return sifted.kept
        file = self.files[index]
        return file.lines if isinstance(file, LandedFile) else None

    def original(self, index: int) -> Path:
        """Where a file stands as it came."""
        return Path(self.files[index].path)

    def query(self, *, of: Literal["all", "unused"]) -> str:
        """SQL for the view's rows over all files; of all resources, or of those that are not used.

        Raises what DuckDB raises where the files had to be looked through first.
        """
        return self._query(self.paths(), self._chosen("exists") if of == "unused" else "")

    def used_query(self) -> str:
        """SQL for the rows of the resources that are used; those of a release say from which id space they come.

        Raises what DuckDB raises where the files had to be looked through first.
        """
        chosen = self._chosen("not exists")
        if self.history is None:
            return self._query(self.paths(), chosen)
        groups: dict[str, list[Source]] = {}
        for index in self.indexes():
            groups.setdefault(self.history.spaces[self.history.places[index]], []).append(self.path(index))
        # Where there is no file to read, there is no row either.
        found = list((groups or {"": []}).items())
        return "\nunion all\n".join(
            f"select *, {quote_text(space)} as {SOURCE_COLUMN} from ({self._query(paths, chosen, number)})"
            for number, (space, paths) in enumerate(found)
        )

    def _chosen(self, word: Literal["exists", "not exists"]) -> str:
        if not self.has_unused:
            return ""
        return f" where {word} (select 1 from unused as u where u.path = line.filename and u.id = line.id)"

    def _query(self, paths: Sequence[Source], chosen: str, number: int = 0) -> str:
        source = read_as_written_sql(self.connection, self.view, paths, aside=f"rounded_{number}")
        return read_view_sql(self.view, paths, source=source, where=chosen)

    def close(self) -> None:
        """Take what was lent to the connection back."""
        if self.parts is not None:
            self.parts.close()
