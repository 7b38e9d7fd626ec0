"""One damaged file: what was found out about its lines, and what is read in its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from caremesh.engines.refusals import LIMIT, RefusalOf, TooManyRefused, find_refused
from caremesh.errors import LandingError
from caremesh.fhir import Struct
from caremesh.sources.ndjson import BROKEN_FILE, LineFile, cannot_be_read, open_lines
from caremesh.sources.sieve import (
    Sifted,
    Span,
    Verdict,
    copy_spans,
    find_superseded,
    judge_lines,
    quarantine,
    rising,
)

_FEW = 30
"""So many lines are found by halving; where more are refused, it is cheaper to judge every line by its JSON first."""


@dataclass
class DamagedFile:
    """The lines of one file that somebody doubted, and what became of them.

    A line is judged by its JSON first and by the engine then: each of `tests` takes or refuses a file of lines.
    `refused` and `accepted` keep what the engine said, by ordinal; `counted` is how many lines DuckDB counted, once it
    did. `scratch` is a folder of its own.
    """

    file: LineFile
    shape: Struct
    tests: Sequence[RefusalOf]
    scratch: Path
    suspects: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    accepted: set[int] = field(default_factory=set)
    counted: int | None = None
    is_swept: bool = False
    sifted: Sifted | None = None

    @property
    def left_out(self) -> Sequence[int]:
        """Ordinals of the lines that are not used."""
        return self.sifted.left_out if self.sifted else ()

    def doubt(self, suspects: Iterable[int]) -> bool:
        """Judge these lines, by their ordinals; true where that changes which lines of the file are used."""
        self.suspects.update(suspects)
        sifted = self._judge(sweep=False)
        if list(sifted.left_out) == list(self.left_out):
            return False
        self.sifted = sifted
        return True

    def sweep(self) -> None:
        """Judge every line by its JSON."""
        self.is_swept = True
        self.sifted = self._judge(sweep=True)
        self.suspects.update(self.sifted.left_out)

    def settle(self) -> None:
        """Find whatever the engine refuses, until it takes all that is used.

        A refused line may be the newest version of its resource; judging again brings the one before it to light.
        """
        self._unpack()
        try:
            while found := self._find_refused():
                self.refused |= found
                self.doubt(found)
        except TooManyRefused:
            if self.is_swept:
                raise
            self.sweep()
            self.settle()

    def _find_refused(self) -> dict[int, str]:
        copy = self.scratch / "copy.ndjson"
        copy_spans(self.plain, copy, self.sifted.used if self.sifted else [(0, self.plain.stat().st_size)])
        for refusal_of in self.tests:
            if refusal_of(copy) is None:
                continue
            ordinal = self.sifted.ordinal if self.sifted else int
            limit = LIMIT if self.is_swept else _FEW
            if found := find_refused(copy, ordinal, refusal_of, part=self._part, limit=limit):
                return found
            raise LandingError(
                "can be read line by line but not as a whole", where=self.file.path, hint="land it again"
            )
        return {}

    @property
    def plain(self) -> Path:
        """The file itself, or what it holds where it is compressed."""
        path = Path(self.file.path)
        return self.scratch / "plain.ndjson" if path.suffix == ".gz" else path

    @property
    def _part(self) -> Path:
        return self.scratch / "part.ndjson"

    def _judge(self, *, sweep: bool) -> Sifted:
        """What becomes of each line."""
        self._unpack()
        wanted = self.suspects | self.refused.keys()
        verdicts, lines = judge_lines(
            self.plain,
            self.file.resource_type,
            self.shape,
            wanted=wanted,
            sweep=sweep,
            counted=self.counted,
        )
        self._ask_engine(v for v in verdicts if not v.reason and v.ordinal not in self.refused)
        refused = {v.ordinal: v.reason or self.refused.get(v.ordinal, "") for v in verdicts}
        superseded = find_superseded(v for v in verdicts if not refused[v.ordinal])
        left_out = [v for v in verdicts if refused[v.ordinal] or v.ordinal in superseded]
        reasons = [(v, refused[v.ordinal]) for v in left_out if refused[v.ordinal]]
        return Sifted(
            lines=lines,
            left_out=rising(v.ordinal for v in left_out),
            used=self._all_but(left_out),
            superseded=len(superseded),
            quarantined=quarantine(self.file, self.plain, reasons),
        )

    def _all_but(self, left_out: Iterable[Verdict]) -> list[Span]:
        ends = [0, *chain.from_iterable((v.start, v.end) for v in left_out), self.plain.stat().st_size]
        return [(start, end) for start, end in zip(ends[::2], ends[1::2], strict=True) if start < end]

    def _ask_engine(self, usable: Iterable[Verdict]) -> None:
        unsure = [v for v in usable if v.ordinal not in self.accepted]
        if not unsure:
            return
        copy_spans(self.plain, self._part, [(v.start, v.end) for v in unsure])
        single = self._part.with_name("single.ndjson")
        for refusal_of in self.tests:
            if refusal_of(self._part) is not None:
                self.refused |= find_refused(self._part, lambda i: unsure[i - 1].ordinal, refusal_of, part=single)
        self.accepted.update(v.ordinal for v in unsure if v.ordinal not in self.refused)

    def _unpack(self) -> None:
        self.scratch.mkdir(exist_ok=True)
        if self.plain != Path(self.file.path) and not self.plain.exists():
            try:
                with open_lines(Path(self.file.path)) as lines, self.plain.open("wb") as plain:
                    shutil.copyfileobj(lines, plain, 1 << 20)
            except BROKEN_FILE as error:
                raise cannot_be_read(self.file.path, error) from None
