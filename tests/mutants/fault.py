"""A fault that the tests exist for: which text of which module becomes which other text, and who must notice."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FAULTS = Path(__file__).with_name("faults")
LEAST = 25


@dataclass(frozen=True)
class Fault:
    """One fault: `old` stands in `module` once and becomes `new`; the tests of `test` must fail then.

    `why` says what would happen to users. `module` and `test` are paths from the root of the repository.
    """

    name: str
    why: str
    module: str
    old: str
    new: str
    test: str

    def problem(self, root: Path = ROOT) -> str | None:
        """Why the fault cannot be made; None where it can."""
        if not (root / self.test).is_file():
            return f"{self.test} is not there: name the test file that notices it now"
        if not (root / self.module).is_file():
            return f"{self.module} is not there: name the module that the text moved to"
        found = (root / self.module).read_text(encoding="utf-8").count(self.old)
        if found != 1:
            return f"its old text stands {found} times in {self.module}: carry the fault along with the code"
        return "its new text is its old one" if self.old == self.new else None

    def make(self, root: Path) -> None:
        """Put the fault into a copy of the repository."""
        module = root / self.module
        text = module.read_text(encoding="utf-8")
        module.write_text(text.replace(self.old, self.new), encoding="utf-8")


def read_faults(folder: Path = FAULTS) -> tuple[Fault, ...]:
    """All faults by name; raise ValueError, with the file, where one cannot be read."""
    return tuple(_read(file) for file in sorted(folder.glob("*.toml")))


def _read(file: Path) -> Fault:
    stated = tomllib.loads(file.read_text(encoding="utf-8"))
    try:
        return Fault(name=file.stem, **stated)
    except TypeError as error:
        raise ValueError(f"{file.name}: {error}. Try: why, module, old, new and test, each a text") from None
