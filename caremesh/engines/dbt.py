"""dbt, run in this process: a work folder made from `dbt_project/` and the contracts, one build, and what came of it.

dbt reads its settings from the environment, changes the current folder and keeps connections open. `_invoke` is the
one place that lets it, and puts everything back.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml

from caremesh.engines.dbt_failures import BROKEN, describe_failure, describe_refusal
from caremesh.engines.dbt_interrupts import cancelling_on_interrupt
from caremesh.engines.dbt_manifest import KeptManifest, find_manifest
from caremesh.errors import CurateError
from caremesh.products import Classification, Column, Product

PROJECT_FILE = "dbt_project.yml"
PROJECT_FOLDER = "dbt_project"
LOG_FILE = Path("logs") / "dbt.log"

# What dbt itself leaves in a project that somebody worked in by hand.
_LEFT_BEHIND = ("target", "target_local", "target_athena", "logs", "dbt_packages")
_TESTS = ("test", "unit_test")


@dataclass(frozen=True)
class BuiltTable:
    """A model that was built: where it is, what its yml says of it, and the products it is made from.

    `is_curated` is dbt's `access: public`: a table for consumers. `row_count` is None where the engine does not tell
    dbt (DuckDB does not).
    """

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    depends_on: tuple[str, ...]
    row_count: int | None
    is_curated: bool


@dataclass(frozen=True)
class DbtResult:
    """What a build did: models in the order they finished, and tests by name. A failed test raises instead."""

    models: tuple[BuiltTable, ...]
    tests_passed: tuple[str, ...]
    tests_warned: tuple[str, ...]

    @property
    def curated(self) -> tuple[BuiltTable, ...]:
        """The tables for consumers among the models, by name, in whatever schema they were built."""
        return tuple(sorted((m for m in self.models if m.is_curated), key=lambda m: m.name))


def project_files(project_dir: Path) -> tuple[Path, ...]:
    """The files that make the dbt project what it is, relative to its folder; not what dbt or an editor left there."""
    files = (p.relative_to(project_dir) for p in project_dir.rglob("*") if p.is_file())
    return tuple(
        sorted(f for f in files if f.parts[0] not in _LEFT_BEHIND and not any(p.startswith(".") for p in f.parts))
    )


def write_project(
    products: Sequence[Product],
    into: Path,
    *,
    project_dir: Path,
    sources: Mapping[str, tuple[str, str]] | None = None,
) -> Path:
    """Copy the dbt project into a work folder and write its sources from the contracts; give the folder back.

    `sources` says which table (schema, name) stands for a product, by the product's id; else it is the product itself.
    A folder from an earlier call is replaced, anything else that stands there is refused. A product without a view is
    built by a model and so is no source.
    """
    if not (project_dir / PROJECT_FILE).is_file():
        raise CurateError("there is no dbt project here", where=str(project_dir), hint="give --project DIR")
    if into.exists():
        if not (into / PROJECT_FILE).is_file():
            raise CurateError("the work folder of dbt holds something else", where=str(into), hint="remove it")
        shutil.rmtree(into)
    for file in project_files(project_dir):
        (into / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project_dir / file, into / file)
    published = [p for p in products if p.view_files]
    text = yaml.safe_dump(_sources(published, sources or {}), sort_keys=False, allow_unicode=True, width=120)
    (into / "models" / "sources.yml").write_text(text, encoding="utf-8")
    return into


def build(
    project: Path,
    *,
    target: str,
    variables: Mapping[str, object],
    env: Mapping[str, str],
    unit_tests: bool = False,
    cache: Path | None = None,
) -> DbtResult:
    """Build and test every model of a work folder on `target`; raise CurateError with the names of what failed.

    `env` fills the env_var() calls of profiles.yml and dbt_project.yml; paths in it are absolute, or seen from the
    work folder. What dbt reads out of the project is kept in the folder `cache` for the next build. On `athena` it
    also holds what boto3 asks the environment for. CAREMESH_CURATED_SCHEMA and CAREMESH_CURATED_WORK_SCHEMA build into
    other schemas than `curated` and `curated_work`. Unit tests check the models, not the data: leave them out where
    data is published.
    """
    arguments = ["--vars", json.dumps({k: str(v) for k, v in variables.items()})]
    if not unit_tests:
        arguments += ["--exclude-resource-type", "unit_test"]
    results = _invoke("build", project, target=target, arguments=arguments, env=env, cache=cache)
    tests = [r for r in results if r.node.resource_type in _TESTS]
    models = [r for r in results if r.node.resource_type == "model"]
    _require_classification([r.node for r in models])
    parents = {r.node.unique_id: tuple(r.node.depends_on.nodes) for r in models}
    return DbtResult(
        models=tuple(_built(r, parents) for r in models),
        tests_passed=tuple(sorted(r.node.name for r in tests if r.status == "pass")),
        tests_warned=tuple(sorted(r.node.name for r in tests if r.status == "warn")),
    )


def compile_offline(project: Path, *, target: str, env: Mapping[str, str], cache: Path | None = None) -> dict[str, str]:
    """Compile every model for `target` without a connection or credentials: model name → SQL."""
    offline = {**env, "AWS_EC2_METADATA_DISABLED": "true"}
    arguments = ["--no-introspect", "--no-populate-cache"]
    results = _invoke("compile", project, target=target, arguments=arguments, env=offline, cache=cache)
    return {r.node.name: r.node.compiled_code for r in results if r.node.resource_type == "model"}


def _sources(products: Sequence[Product], tables: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    domains = sorted({p.domain for p in products})
    sources = [
        {
            "name": domain,
            "schema": next((tables[p.id][0] for p in products if p.domain == domain and p.id in tables), domain),
            "tables": [_source_table(p, tables.get(p.id)) for p in products if p.domain == domain],
        }
        for domain in domains
    ]
    return {"version": 2, "sources": sources}


def _source_table(product: Product, table: tuple[str, str] | None) -> dict[str, Any]:
    return {
        "name": product.name,
        **({"identifier": table[1]} if table else {}),
        "description": product.description,
        "config": {"meta": {"contract_version": product.version, "owner": product.owner}},
        "columns": [
            {
                "name": column.name,
                "data_type": column.sql_type,
                "description": column.description,
                "config": {"meta": {"classification": column.classification}},
            }
            for column in product.columns
        ],
    }


def _invoke(
    command: str,
    project: Path,
    *,
    target: str,
    arguments: Sequence[str],
    env: Mapping[str, str],
    cache: Path | None,
) -> list[Any]:
    from dbt.cli.main import dbtRunner  # imported here: it takes seconds, and most commands never need it

    folder = str(project.resolve())
    quiet = ["--quiet", "--no-print", "--log-level", "none", "--log-level-file", "info", "--no-use-colors"]
    local = ["--no-version-check", "--no-partial-parse", "--no-send-anonymous-usage-stats"]
    places = ["--project-dir", folder, "--profiles-dir", folder, "--log-path", f"{folder}/{LOG_FILE.parent}"]
    places += ["--target", target, "--target-path", f"{folder}/target_{target}"]
    with chdir(folder), _environment(env), cancelling_on_interrupt():
        kept = _find_manifest(cache, Path(folder), target=target, arguments=arguments) if cache else None
        manifest = kept.read() if kept else None
        try:
            outcome: Any = dbtRunner(manifest=manifest).invoke([*quiet, *local, command, *places, *arguments])
        finally:
            _close_connections()
    if isinstance(outcome.exception, KeyboardInterrupt):
        raise outcome.exception
    if kept and manifest is None and outcome.exception is None:
        kept.keep(Path(folder) / f"target_{target}" / "partial_parse.msgpack")
    if outcome.exception is not None:
        raise describe_refusal(command, outcome.exception, project=PROJECT_FOLDER, log=project / LOG_FILE)
    results = list(outcome.result.results)
    if not outcome.success or any(r.status in BROKEN for r in results):
        raise describe_failure(command, results, project=PROJECT_FOLDER, log=project / LOG_FILE)
    return results


def _find_manifest(cache: Path, project: Path, *, target: str, arguments: Sequence[str]) -> KeptManifest:
    files = {file.as_posix(): (project / file).read_bytes() for file in project_files(project)}
    variables = arguments[arguments.index("--vars") + 1] if "--vars" in arguments else ""
    return find_manifest(cache / "dbt", project, files=files, target=target, variables=variables, env=os.environ)


def _built(result: Any, parents: Mapping[str, Sequence[str]]) -> BuiltTable:
    node = result.node
    columns = tuple(
        Column(
            name=c.name,
            sql_type=c.data_type,
            classification=c.meta["classification"],
            description=c.description.strip(),
        )
        for c in node.columns.values()
    )
    rows = result.adapter_response.get("rows_affected")
    return BuiltTable(
        schema=node.schema,
        name=node.name,
        description=node.description.strip(),
        columns=columns,
        depends_on=tuple(sorted(_products_behind(node.unique_id, parents))),
        row_count=None if rows is None else int(rows),
        is_curated=node.access == "public",
    )


def _require_classification(nodes: Sequence[Any]) -> None:
    """Refuse columns that state no known classification, all of all models together."""
    known = get_args(Classification)
    faults = {}
    for node in nodes:
        unclassified = [c.name for c in node.columns.values() if c.meta.get("classification") not in known]
        if unclassified:
            file = f"{PROJECT_FOLDER}/{(node.patch_path or node.original_file_path).split('://')[-1]}"
            faults[f"model {node.name}: no known classification is stated of {', '.join(unclassified)}"] = file
    if faults:
        raise CurateError(
            "\n".join(faults),
            where=", ".join(dict.fromkeys(faults.values())),
            hint=f"config: {{meta: {{classification: …}}}} for each column, one of: {', '.join(known)}",
        )


def _products_behind(node: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    """Ids of the products among a node's ancestors; dbt names a source `source.<project>.<domain>.<product>`."""
    if node.startswith("source."):
        return {node.split(".", 2)[2]}
    return {product for parent in parents.get(node, ()) for product in _products_behind(parent, parents)}


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _close_connections() -> None:
    """Close what the adapter left open; only DuckDB's keeps a connection for the whole process, and so its file."""
    from dbt.adapters import factory

    close: list[Callable[[], None]] = [factory.cleanup_connections]
    duckdb = sys.modules.get("dbt.adapters.duckdb.connections")
    if duckdb is not None:
        close.append(duckdb.DuckDBConnectionManager.close_all_connections)
    for step in close:
        step()
