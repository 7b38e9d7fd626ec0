"""What AWS refuses the gate comes out as an error of AWS, with its next move, and never as one of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from caremesh.aws import ATTEMPTS, Aws
from caremesh.errors import AwsError
from caremesh.products import Product, Rule
from caremesh.settings import AwsSettings
from quality.athena_engine import AthenaEngine
from quality.athena_shape import read_athena_shape
from quality.candidate import AthenaCandidate
from quality.engine import measure_checks
from tests.athena.local_aws import REGION
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.watched_aws import Refusal, refuse

DENIED, EXPIRED = Refusal("AccessDeniedException"), Refusal("ExpiredTokenException")
THROTTLED = Refusal("ThrottlingException")
QUERY = "select 0 from {object}"
RULE = Rule("r", kind="sql", column=None, query=QUERY, severity="critical", description="")


def engine(mesh: AwsMesh, **settings: Any) -> AthenaEngine:
    aws = Aws(AwsSettings(region=REGION, **settings))
    return AthenaEngine(AthenaCandidate(aws, "gate", "one", output_location=f"{mesh.place}/athena/"), lambda _: None)


def read_the_shape(product: Product, engine: AthenaEngine) -> None:
    read_athena_shape(product, engine)


def plan_a_rule(product: Product, engine: AthenaEngine) -> None:
    measure_checks(replace(product, rules=(RULE,)), engine)


def run_the_suite(product: Product, engine: AthenaEngine) -> None:
    measure_checks(replace(product, rules=()), engine)


Step = Callable[[Product, AthenaEngine], None]
STEPS = [
    pytest.param(read_the_shape, "glue:GetTable", id="shape"),
    pytest.param(plan_a_rule, "athena:StartQueryExecution", id="rule"),
    pytest.param(run_the_suite, "athena:StartQueryExecution", id="suite"),
]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [(DENIED, "not allowed to call"), (EXPIRED, "did not accept the credentials"), (THROTTLED, "after 8 attempts")],
    ids=["denied", "expired", "throttled"],
)
@pytest.mark.parametrize(("step", "operation"), STEPS)
def test_what_aws_refuses_is_an_error_of_aws(
    mesh: AwsMesh, step: Step, operation: str, refusal: Refusal, words: str
) -> None:
    mesh.watched.watch = refuse(operation, refusal)

    with pytest.raises(AwsError, match=words) as raised:
        step(mesh.product(), engine(mesh))

    assert raised.value.hint
    tried = len([a for a in mesh.watched.asked if a.operation == operation])
    assert tried == (ATTEMPTS if refusal is THROTTLED else 1)


@pytest.mark.parametrize(("step", "operation"), STEPS[1:])
@pytest.mark.parametrize("key", [None, "alias/mesh"], ids=["no key", "key"])
def test_results_of_queries_are_encrypted_as_the_settings_say(
    mesh: AwsMesh, step: Step, operation: str, key: str | None
) -> None:
    mesh.watched.watch = refuse(operation, DENIED)

    with pytest.raises(AwsError):
        step(mesh.product(), engine(mesh, kms_key=key, work_group="gate"))

    (asked,) = [a.params for a in mesh.watched.asked if a.operation == operation]
    stated = {"EncryptionOption": "SSE_KMS", "KmsKey": key} if key else None
    assert asked["ResultConfiguration"].get("EncryptionConfiguration") == stated
    assert asked["WorkGroup"] == "gate"
