"""dbt's manifest, kept between builds: what dbt reads out of a project, which costs two seconds each time.

A kept manifest is used where everything is the same that it was made of: versions, files, variables, environment. Its
name is a digest of these, and a digest of its content stands before it. So one that is stale or damaged is not used,
and costs no more than that the project is read again. dbt's own partial parsing trusts a file's content, and wants the
project to stay in one folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("caremesh", "dbt-core", "dbt-adapters", "dbt-common", "dbt-duckdb", "dbt-athena", "mashumaro", "msgpack")
_ENV_VAR = re.compile(r"""env_var\(\s*['"](\w+)['"]""")
_KEPT = 8
"""So many manifests are kept; the one that was not written for longest goes first."""


@dataclass(frozen=True)
class KeptManifest:
    """The place of one manifest in the folder `kept`; `project` is the folder that dbt works in now."""

    kept: Path
    key: str
    project: Path

    def read(self) -> Any:
        """The manifest, as dbt takes it; None where it was not kept, or is damaged."""
        with suppress(OSError):
            content = self._file.read_bytes()
            size = hashlib.sha256().digest_size
            if content[:size] == self._digest(content[size:]):
                return _manifest(content[size:], self.project)
        return None

    def keep(self, written: Path) -> None:
        """Keep the manifest that dbt wrote; where that is not possible, the next build reads the project again."""
        with suppress(OSError):
            content = written.read_bytes()
            self.kept.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.kept, prefix=".part-", delete=False) as part:
                part.write(self._digest(content) + content)
            Path(part.name).replace(self._file)
            files = sorted((p for p in self.kept.iterdir() if p.is_file()), key=lambda p: p.stat().st_mtime)
            for file in files[:-_KEPT]:
                file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self.kept / f"manifest-{self.key[:24]}"

    def _digest(self, content: bytes) -> bytes:
        return hashlib.sha256(self.key.encode() + content).digest()


def find_manifest(
    kept: Path, project: Path, *, files: Mapping[str, bytes], target: str, variables: str, env: Mapping[str, str]
) -> KeptManifest:
    """Name the manifest of a project with these files (name → content), as it is read with variables and `env`."""
    texts = "".join(content.decode(errors="replace") for content in files.values())
    names = {*_ENV_VAR.findall(texts), *(name for name in env if name.startswith("DBT_"))}
    made_of = [
        [*sys.version_info[:3], *(f"{name} {version(name)}" for name in _PACKAGES)],
        sorted((name, hashlib.sha256(content).hexdigest()) for name, content in files.items()),
        sorted((name, env.get(name)) for name in names),
        target,
        variables,
    ]
    return KeptManifest(kept, hashlib.sha256(json.dumps(made_of).encode()).hexdigest(), project)


def _manifest(content: bytes, project: Path) -> Any:
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    manifest: Any = Manifest.from_msgpack(content, decoder=extended_mashumuro_decoder)
    for node in manifest.nodes.values():
        # A seed's rows are read from its file: the one place where a manifest says which folder it was made in.
        if getattr(node, "root_path", None):
            node.root_path = str(project)
    manifest.build_parent_and_child_maps()
    manifest.build_flat_graph()
    return manifest
