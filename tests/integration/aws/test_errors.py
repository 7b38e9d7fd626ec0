"""What AWS refuses comes to the user as an error of ours: what was asked, why it was refused, and the next move."""

from __future__ import annotations

import json
import socket

import pytest

from caremesh.aws import ATTEMPTS
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.watched_aws import Asked, Refusal, refuse
from tests.integration.small_mesh import patient

# Whole runs in processes of their own: minutes, and CI runs them.
pytestmark = pytest.mark.slow

THROTTLED = {"s3": Refusal("SlowDown", 503), "glue": Refusal("ThrottlingException")}

# Each request of a run, with the key that it is refused for.
OFTEN = [
    ("s3:ListObjectsV2", ""),
    ("s3:HeadObject", "landing/Patient.ndjson"),
    ("s3:PutObject", ".parquet"),
    ("glue:CreateTable", "patient"),
]
SELDOM = [
    ("s3:GetObject", "lake.json"),
    ("s3:PutObject", "ledger.json"),
    ("glue:GetTable", ""),
    ("s3:GetObject", "landing/Patient.ndjson"),
    ("s3:PutObject", "manifest.json"),
    ("s3:HeadObject", ".parquet"),
    ("s3:GetObject", ".parquet"),
    ("s3:PutObject", "report.html"),
    ("glue:GetDatabase", ""),
    ("glue:CreateDatabase", ""),
    ("glue:CreateTable", "lines"),
    ("glue:GetPartitions", ""),
]
REQUESTS = [pytest.param(*r, id=":".join(r)) for r in OFTEN]
REQUESTS += [pytest.param(*r, id=":".join(r), marks=pytest.mark.slow) for r in SELDOM]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow at once: botocore and awswrangler sleep between them."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def options(mesh: AwsMesh, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setenv("CAREMESH_SCRATCH", str(mesh.scratch))
    mesh.export("Patient.ndjson", [patient(1)])
    return ("--lake", str(mesh.place), "--project", str(mesh.project))


def run_up_to_publish(mesh: AwsMesh, caremesh, options: tuple[str, ...]):
    """The stages one by one, as far as they go; what the last one said."""
    said = None
    for stage in ("land", "flatten", "check", "publish"):
        more = ("--landing", str(mesh.landing)) if stage == "land" else ()
        said = caremesh(stage, *more, *options)
        if said.exit_code:
            break
    return said


def expect_error(said, *words: str) -> None:
    assert said.exit_code == 20
    assert "Traceback" not in said.stderr
    assert "internal error" not in said.stderr
    assert "Try: " in said.stderr
    assert [w for w in words if w not in said.stderr] == []


@pytest.mark.parametrize(("operation", "of"), REQUESTS)
def test_a_request_that_is_not_allowed_is_named_and_granting_it_is_enough(
    mesh: AwsMesh, options, caremesh, operation: str, of: str
) -> None:
    code = "AccessDenied" if operation.startswith("s3") else "AccessDeniedException"
    mesh.watched.watch = refuse(operation, Refusal(code, 403 if operation.startswith("s3") else 400), of=of)
    name = operation.partition(":")[2]
    expect_error(run_up_to_publish(mesh, caremesh, options), f"not allowed to call {name}", "deploy.md")
    mesh.watched.watch = None
    assert run_up_to_publish(mesh, caremesh, options).exit_code == 0
    assert mesh.patients() == ["p001"]


def test_throttling_that_ends_is_waited_for(mesh: AwsMesh, options, caremesh) -> None:
    """Every request of a run is refused three times."""
    counts: dict[str, int] = {}

    def watch(asked: Asked) -> Refusal | None:
        request = f"{asked.operation} {json.dumps(asked.params, sort_keys=True)} {len(asked.body)}"
        counts[request] = counts.get(request, 0) + 1
        return THROTTLED[asked.operation.partition(":")[0]] if counts[request] <= 3 else None

    mesh.watched.watch = watch
    said = run_up_to_publish(mesh, caremesh, options)
    assert said.exit_code == 0, said.stderr
    mesh.watched.watch = None
    assert mesh.patients() == ["p001"]
    glue = {f"glue:{name}" for name in ("CreateDatabase", "CreateTable", "GetDatabase", "GetPartitions", "GetTable")}
    s3 = {f"s3:{name}" for name in ("GetObject", "HeadObject", "ListObjectsV2", "PutObject")}
    assert {request.partition(" ")[0] for request in counts} == glue | s3


@pytest.mark.parametrize("operation", ["s3:GetObject", "s3:PutObject", "glue:CreateTable", "glue:GetTable"])
def test_throttling_without_end_is_given_up(mesh: AwsMesh, options, caremesh, operation: str) -> None:
    mesh.watched.watch = refuse(operation, THROTTLED[operation.partition(":")[0]])
    mesh.watched.asked.clear()
    said = run_up_to_publish(mesh, caremesh, options)
    expect_error(said, f"AWS still throttled {operation.partition(':')[2]}", f"after {ATTEMPTS} attempts", "run again")
    asked = [a.params for a in mesh.watched.asked if a.operation == operation]
    # What is shown is brought in step after a product could not be published: that asks for another table.
    assert asked.count(asked[0]) == ATTEMPTS


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("s3:GetObject", "ExpiredToken"),
        ("s3:GetObject", "InvalidAccessKeyId"),
        ("s3:GetObject", "SignatureDoesNotMatch"),
        ("glue:GetTable", "ExpiredTokenException"),
        ("glue:GetTable", "UnrecognizedClientException"),
    ],
)
def test_credentials_that_are_not_accepted_ask_for_a_new_sign_in(
    mesh: AwsMesh, options, caremesh, operation: str, code: str
) -> None:
    mesh.watched.watch = refuse(operation, Refusal(code, 403 if "s3" in operation else 400))
    expect_error(
        run_up_to_publish(mesh, caremesh, options), f"did not accept the credentials ({code})", "aws sso login"
    )


def test_credentials_that_expire_before_a_request_without_an_answer_body_ask_for_a_new_sign_in(
    mesh: AwsMesh, options, caremesh
) -> None:
    """S3 answers HEAD with 400 and no code then."""
    mesh.watched.watch = refuse("s3:HeadObject", Refusal("ExpiredToken", 400))
    expect_error(run_up_to_publish(mesh, caremesh, options), "aws sso login")


def test_an_answer_that_was_lost_does_not_turn_the_run_against_its_own_work(mesh: AwsMesh, options, caremesh) -> None:
    """S3 wrote the object, and its answer got lost: the second attempt meets the first one's object."""
    once = {"lake.json", "ledger.json", "manifest.json"}

    def watch(asked):
        kind = asked.params.get("Key", "").rpartition("/")[2]
        if asked.operation == "s3:PutObject" and kind in once and "If-None-Match" in asked.headers:
            once.discard(kind)
            mesh.put(asked.params["Key"], asked.body)
            return Refusal("InternalError", 500)
        return None

    mesh.watched.watch = watch
    said = run_up_to_publish(mesh, caremesh, options)
    assert once == set()
    assert said.exit_code == 0, said.stderr
    assert mesh.patients() == ["p001"]


def test_a_move_of_the_pointer_whose_answer_was_lost_is_found_done(mesh: AwsMesh, options, caremesh) -> None:
    done = []

    def watch(asked):
        if asked.operation == "glue:CreateTable" and asked.params["TableInput"]["Name"] == "patient" and not done:
            done.append("created")
            mesh.local.client("glue").create_table(**asked.params)
            return Refusal("InternalServiceException", 500)
        return None

    mesh.watched.watch = watch
    assert run_up_to_publish(mesh, caremesh, options).exit_code == 0
    assert done
    assert [action for action, _ in mesh.moves()] == ["publish"]


def test_an_address_where_nobody_answers(mesh: AwsMesh, options, caremesh, monkeypatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    expect_error(run_up_to_publish(mesh, caremesh, options), "did not answer", "AWS_ENDPOINT_URL")


def test_an_address_that_is_none(mesh: AwsMesh, options, caremesh, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere at all")
    expect_error(run_up_to_publish(mesh, caremesh, options), "nowhere at all")


def test_no_credentials(mesh: AwsMesh, options, caremesh, monkeypatch, tmp_path) -> None:
    forget_account(monkeypatch, tmp_path, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    expect_error(run_up_to_publish(mesh, caremesh, options), "no AWS credentials were found", "aws configure")


def test_half_of_the_credentials(mesh: AwsMesh, options, caremesh, monkeypatch, tmp_path) -> None:
    forget_account(monkeypatch, tmp_path, "AWS_SECRET_ACCESS_KEY")
    expect_error(run_up_to_publish(mesh, caremesh, options), "no AWS credentials were found", "aws configure")


def test_no_region(mesh: AwsMesh, options, caremesh, monkeypatch, tmp_path) -> None:
    forget_account(monkeypatch, tmp_path, "AWS_REGION", "AWS_DEFAULT_REGION")
    expect_error(run_up_to_publish(mesh, caremesh, options), "no AWS region is configured", "AWS_REGION")


def test_a_profile_that_is_not_there(mesh: AwsMesh, options, caremesh, monkeypatch, tmp_path) -> None:
    forget_account(monkeypatch, tmp_path, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    expect_error(run_up_to_publish(mesh, caremesh, options), "nobody")


def forget_account(monkeypatch: pytest.MonkeyPatch, folder, *names: str) -> None:
    """An environment without these, on a machine without an AWS profile."""
    for name in names:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
