"""What a run asks of S3 and Glue does not depend on how many releases the lake has kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from caremesh.lake.pointer import Move
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.small_mesh import patient


def ask(mesh: AwsMesh) -> Counter[str]:
    """What a run asks for, by operation and where."""
    mesh.watched.asked.clear()
    mesh.go("land", "flatten", "check", "publish", "register")
    return Counter(asked.operation for asked in mesh.watched.asked)


def lengthen(mesh: AwsMesh, count: int) -> None:
    """Let the product have had so many releases before its current one, and a move to each."""
    lake, product = mesh.lake(), mesh.product()
    manifest, pointer = lake.current(product), lake.pointer(product)
    assert manifest is not None
    assert pointer is not None
    names = [f"{number:012x}" for number in range(count)]
    for name in names:
        earlier = replace(manifest, release=name, inputs=manifest.inputs[:1])
        lake.objects.write_json(f"products/clinical/patient/releases/{name}/manifest.json", earlier.to_json())
    moves = tuple(Move(name, "2025-01-01T00:00:00Z", "publish") for name in names)
    lake.pointers.move(product, replace(pointer, history=(*moves, *pointer.history)), seen=pointer)


def test_a_run_asks_for_as_much_with_200_releases_as_with_two(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    ask(mesh)
    mesh.export("b/Patient.ndjson", [patient(2)])
    few = [ask(mesh), ask(mesh)]
    lengthen(mesh, 198)
    mesh.export("c/Patient.ndjson", [patient(3)])
    many = [ask(mesh), ask(mesh)]
    assert mesh.patients() == ["p001", "p002", "p003"]
    assert few[1]["s3:GetObject"] > 0
    assert many[1] == few[1]
    # Keys of a base are in one part or two, as they are written whole from time to time.
    assert sum(many[0].values()) <= sum(few[0].values()) + 2
