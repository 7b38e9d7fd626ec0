"""Claims and their answers: amounts add up to the cent, denials pay nothing and say why."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]


def _cents(amount: Resource) -> int:
    assert amount["currency"] == "USD"
    cents = Decimal(str(amount["value"])) * 100
    assert cents == int(cents)
    return int(cents)


def _amounts(item: Resource) -> dict[str, int]:
    return {a["category"]["coding"][0]["code"]: _cents(a["amount"]) for a in item["adjudication"]}


def _reasons(item: Resource) -> list[str]:
    return [a["reason"]["coding"][0]["code"] for a in item["adjudication"] if "reason" in a]


def test_claim_total_is_the_sum_of_its_lines(base) -> None:
    for claim in base.of("Claim"):
        assert [item["sequence"] for item in claim["item"]] == list(range(1, len(claim["item"]) + 1))
        assert _cents(claim["total"]) == sum(_cents(item["net"]) for item in claim["item"])


def test_answer_repeats_the_lines_of_its_claim(base) -> None:
    claims = {f"Claim/{c['id']}": c for c in base.of("Claim")}
    answers = base.of("ExplanationOfBenefit")
    assert 0.9 * len(claims) < len(answers) < len(claims)
    for answer in answers:
        claim = claims[answer["claim"]["reference"]]
        assert answer["patient"] == claim["patient"]
        assert [i["productOrService"] for i in answer["item"]] == [i["productOrService"] for i in claim["item"]]
        assert [i["net"] for i in answer["item"]] == [i["net"] for i in claim["item"]]


def test_every_line_adds_up(base) -> None:
    for answer in base.of("ExplanationOfBenefit"):
        for item in answer["item"]:
            amounts = _amounts(item)
            assert amounts["submitted"] == _cents(item["net"])
            assert 0 <= amounts["eligible"] <= amounts["submitted"]
            assert amounts["benefit"] + amounts["copay"] + amounts["deductible"] == amounts["eligible"]
            assert min(amounts.values()) >= 0


def test_totals_and_payment_are_sums_of_the_lines(base) -> None:
    for answer in base.of("ExplanationOfBenefit"):
        lines = [_amounts(item) for item in answer["item"]]
        totals = {t["category"]["coding"][0]["code"]: _cents(t["amount"]) for t in answer["total"]}
        assert totals == {name: sum(line[name] for line in lines) for name in ("submitted", "benefit")}
        assert _cents(answer["payment"]["amount"]) == totals["benefit"]


def test_denied_lines_pay_nothing_and_give_a_reason(base) -> None:
    reasons: Counter[str] = Counter()
    for answer in base.of("ExplanationOfBenefit"):
        for item in answer["item"]:
            for reason in _reasons(item):
                reasons[reason] += 1
                assert _amounts(item)["eligible"] == _amounts(item)["benefit"] == 0
    assert set(reasons) >= {"16", "50", "96", "197"}


def test_about_one_claim_in_twelve_is_denied_and_never_for_who_pays_alone(base) -> None:
    answers = base.of("ExplanationOfBenefit")
    denied = [a for a in answers if any(_reasons(item) for item in a["item"])]
    assert 0.05 < len(denied) / len(answers) < 0.13
    partly = [a for a in denied if not all(_reasons(item) for item in a["item"])]
    assert partly
    assert "NO_INSURANCE" not in {a["insurer"]["display"] for a in denied}


def test_no_payment_is_not_always_a_denial(base) -> None:
    unpaid = [a for a in base.of("ExplanationOfBenefit") if _cents(a["payment"]["amount"]) == 0]
    assert any(not _reasons(item) for a in unpaid for item in a["item"])


def test_every_class_of_payer_and_claim_occurs(base) -> None:
    sources = {c["type"]["coding"][0]["code"] for c in base.of("Coverage")}
    assert {"1", "2", "81"} <= sources
    assert sources & {"511", "512", "513"}
    assert {c["order"] for c in base.of("Coverage")} == {1, 2}
    kinds = {c["type"]["coding"][0]["code"] for c in base.of("Claim")}
    assert kinds == {"professional", "institutional", "pharmacy"}


def test_claims_come_after_the_visit_and_answers_after_the_claim(base) -> None:
    claims = {f"Claim/{c['id']}": c for c in base.of("Claim")}
    for answer in base.of("ExplanationOfBenefit"):
        claim = claims[answer["claim"]["reference"]]
        assert claim["billablePeriod"]["end"] <= claim["created"]
        assert claim["created"] < answer["created"]
        assert answer["created"][:10] == answer["payment"]["date"]
        assert claim["meta"]["lastUpdated"] < answer["meta"]["lastUpdated"]
