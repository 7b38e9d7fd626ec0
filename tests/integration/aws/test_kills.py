"""A run killed at any request leaves what readers had or gives them the new release, and the next run completes it."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Future

import pytest

from caremesh.pipeline import publish_release
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.watched_aws import Asked, Refusal
from tests.integration.aws.worker import KILLED, Worker
from tests.integration.small_mesh import patient
from tests.scale import dice, is_soak, stride

# Whole runs in processes of their own: minutes, and CI runs them.
pytestmark = pytest.mark.slow


def kill_at(mesh: AwsMesh, step: int, victim: Future[int]) -> list[str]:
    """Kill a process at its so-manyth request, which is still answered; gives the requests that were seen."""
    seen: list[str] = []

    def watch(asked: Asked) -> Refusal | None:
        seen.append(f"{asked.operation} {asked.params.get('Key', '')}")
        if len(seen) == step:
            os.kill(victim.result(), signal.SIGKILL)
        return None

    mesh.watched.watch = watch
    return seen


def run_and_die(mesh: AwsMesh, worker: Worker, step: int) -> tuple[int, list[str]]:
    victim: Future[int] = Future()
    seen = kill_at(mesh, step, victim)
    victim.set_result(worker.start(mesh.job()))
    end = worker.wait(victim.result())
    mesh.watched.watch = None
    return end, seen


def ids(count: int) -> list[str]:
    return [f"p{n:03}" for n in range(count)]


# A full run kills at every request, in five histories: one of all kills would itself ask for more and more.
EVERY = 5 if is_soak() else stride(most=20)
FIRST = range(1, EVERY + 1) if is_soak() else [dice("kills in AWS").randint(1, EVERY)]


@pytest.mark.parametrize("first", FIRST)
def test_killed_at_any_request_readers_see_old_or_new_and_the_next_run_completes(
    mesh: AwsMesh, worker: Worker, first: int
) -> None:
    mesh.export("export-1/Patient.ndjson", [patient(0)])
    assert worker.run(mesh.job()) == 0
    count, step, places = 1, first, []
    while True:
        count += 1
        mesh.export(f"export-{count}/Patient.ndjson", [patient(count - 1)])
        end, seen = run_and_die(mesh, worker, step)
        assert end in (KILLED, 0)
        assert mesh.patients() in (ids(count - 1), ids(count)), f"half a release after {seen[-1]}"
        history = mesh.moves()
        assert worker.run(mesh.job()) == 0
        assert mesh.patients() == ids(count)
        assert mesh.moves()[: len(history)] == history
        assert len(mesh.moves()) == count, "every release was published once"
        if end == 0:
            break
        places.append(seen[-1])
        step += EVERY
    print(f"killed {len(places)} times: {places}")  # noqa: T201
    assert len(places) >= 3


def test_killed_in_any_stage_called_by_itself_the_stages_called_again_complete_it(
    mesh: AwsMesh, worker: Worker
) -> None:
    """After the manifest was written, and before the candidate was noted: the one place where they could diverge."""
    mesh.export("Patient.ndjson", [patient(0)])
    victim: Future[int] = Future()

    def watch(asked: Asked) -> Refusal | None:
        if asked.operation == "s3:PutObject" and asked.params["Key"].endswith("candidate.json"):
            os.kill(victim.result(), signal.SIGKILL)
            return Refusal("InternalError", 500)
        return None

    mesh.watched.watch = watch
    victim.set_result(worker.start(mesh.job("land", "flatten")))
    assert worker.wait(victim.result()) == KILLED
    mesh.watched.watch = None
    for stage in ("flatten", "check", "publish"):
        mesh.go(stage)
    assert mesh.patients() == ids(1)


def test_a_reader_in_a_loop_never_meets_an_error_or_half_a_release(mesh: AwsMesh) -> None:
    releases = []
    for count in (2, 5):
        mesh.export(f"export-{count}/Patient.ndjson", [patient(n) for n in range(count)])
        releases.append(mesh.go().products[0].manifest.release)
    over, seen, faults = threading.Event(), [], []

    def poll() -> None:
        while not over.is_set():
            try:
                seen.append(tuple(mesh.patients()))
            except Exception as error:
                faults.append(error)

    reader = threading.Thread(target=poll)
    reader.start()
    for turn in range(20):
        publish_release(mesh.settings(), "clinical.patient", releases[turn % 2], command="test")
    over.set()
    reader.join()
    assert faults == []
    assert set(seen) == {tuple(ids(2)), tuple(ids(5))}
    assert len(mesh.moves()) == 22
    print(f"{len(seen)} reads during 20 moves")  # noqa: T201
