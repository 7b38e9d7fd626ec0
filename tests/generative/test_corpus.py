"""The official R4 examples: the products' views take them all, and so does a view of every element of their types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from caremesh.fhir import load_types
from caremesh.fhir.oracle.items import Item, children, parse_resource
from tests.generative.corpus import read_corpus
from tests.generative.judge import Judge, open_judge
from tests.shipped_views import NAMES, VIEWS, example_lines


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    with open_judge(tmp_path_factory.mktemp("corpus")) as opened:
        yield opened


@pytest.mark.parametrize("path", VIEWS, ids=NAMES)
def test_every_example_passes_the_views_of_its_type(judge: Judge, path: Path) -> None:
    view = path.read_text()
    for line in read_corpus()[json.loads(view)["resource"]]:
        before = judge.counts["compared"]
        judge.compare(view, [line])
        assert judge.counts["compared"] == before + 1


@pytest.mark.parametrize("path", VIEWS, ids=NAMES)
def test_the_oracle_gives_the_rows_of_each_products_example(judge: Judge, path: Path) -> None:
    before = judge.counts["compared"]
    judge.compare(path.read_text(), example_lines(path))
    assert judge.counts["compared"] == before + 1


def stated_paths(items: list[Item], path: str = "") -> set[str]:
    """The paths, from these items on, of all plain values that examples state."""
    types = load_types()
    found: set[str] = set()
    for fhir_type in {i.type for i in items}:
        for name in types.element_names(fhir_type):
            element = types.element(fhir_type, name)
            below = [c for i in items for c in children(i, name)]
            for inner in element.types if element else ():
                step = f"{path}`{name}`.ofType({inner})" if element and element.choice else f"{path}`{name}`"
                kept = [c for c in below if c.type == inner]
                if types.is_primitive(inner):
                    found |= {step} if kept else set()
                elif kept and name != "contained":
                    found |= stated_paths(kept, f"{step}.")
    return found


@pytest.mark.parametrize("kind", sorted(read_corpus()))
def test_every_element_of_every_example_is_read(judge: Judge, kind: str) -> None:
    lines = read_corpus()[kind]
    paths = sorted(stated_paths([Item(kind, parse_resource(line)) for line in lines]))
    columns = [{"name": f"c{i}", "path": p, "collection": True} for i, p in enumerate(paths)]
    assert judge.compare(json.dumps({"resource": kind, "select": [{"column": columns}]}), lines)
