"""Makes sure that every dependency stated in pyproject.toml is met by requirements.lock, without any download."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement


def find_unmet(project: Path) -> list[str]:
    """Give the stated requirements that the lock file does not pin, or pins to a version they do not allow."""
    stated = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (project / "requirements.lock").read_text(encoding="utf-8")
    pinned = {name.lower(): version for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, re.M)}
    wanted = [*stated["dependencies"], *(r for group in stated["optional-dependencies"].values() for r in group)]
    unmet = []
    for text in wanted:
        requirement = Requirement(text)
        version = pinned.get(requirement.name.lower())
        if version is None or not requirement.specifier.contains(version):
            unmet.append(f"{text}: the lock has {version or 'nothing'}; run `make lock`")
    return unmet


if __name__ == "__main__":
    faults = find_unmet(Path.cwd())
    print("\n".join(faults))  # noqa: T201
    sys.exit(bool(faults))
