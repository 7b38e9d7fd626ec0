"""One variable sizes the nets, another one says what they draw."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests import scale


@pytest.fixture(autouse=True)
def own_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scale, "FOUND_SEEDS", tmp_path)
    monkeypatch.delenv(scale.SCALE, raising=False)
    monkeypatch.setenv(scale.SEED, "7")
    return tmp_path


@pytest.mark.parametrize(
    ("stated", "full", "least", "expected"),
    [
        ("100", 2000, 1, 2000),
        ("10", 2000, 1, 200),
        ("", 2000, 1, 20),
        ("5", 2000, 140, 140),
        ("0.5", 2000, 1, 10),
        ("0.1", 10, 1, 1),
        ("10", 15, 1, 2),
        ("10", 4, 30, 4),
        ("200", 15, 1, 30),
    ],
)
def test_a_share_is_per_cent_of_the_full_size_and_never_nothing(
    monkeypatch: pytest.MonkeyPatch, stated: str, full: int, least: int, expected: int
) -> None:
    monkeypatch.setenv(scale.SCALE, stated)
    assert scale.share(full, least=least) == expected


@pytest.mark.parametrize(("stated", "expected"), [("100", 1), ("200", 1), ("50", 2), ("40", 3), ("1", 3)])
def test_a_row_is_tried_whole_in_a_full_run_and_else_in_strides(
    monkeypatch: pytest.MonkeyPatch, stated: str, expected: int
) -> None:
    monkeypatch.setenv(scale.SCALE, stated)
    assert scale.stride(most=3) == expected


@pytest.mark.parametrize("stated", ["0", "-1", "all", "1/0"])
def test_a_scale_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    monkeypatch.setenv(scale.SCALE, stated)
    with pytest.raises(ValueError, match="Try: CAREMESH_TEST_SCALE=5"):
        scale.share(10)


def test_a_seed_that_is_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(scale.SEED, "x")
    with pytest.raises(ValueError, match="Try: CAREMESH_TEST_SEED=1"):
        scale.seed()


def test_the_same_seed_draws_the_same_and_another_seed_or_net_draws_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(scale.SCALE, "10")
    here = scale.draw("net", 200)
    assert len(set(here)) == 20
    assert scale.draw("net", 200) == here
    assert scale.draw("net", 100) == here[:10]
    assert not set(scale.draw("another net", 200)) & set(here)
    monkeypatch.setenv(scale.SEED, "8")
    assert not set(scale.draw("net", 200)) & set(here)


def test_found_seeds_run_first_whatever_is_drawn(own_seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_seeds / "net.txt").write_text("# what once failed\n17 # a copy of a torn export\n\n4\n", encoding="utf-8")
    assert scale.draw("net", 300)[:2] == [17, 4]
    assert len(scale.draw("net", 300)) == 5
    assert 17 not in scale.draw("another net", 300)


def test_the_seed_follows_the_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(scale.SEED)
    monkeypatch.setattr(scale, "ROOT", tmp_path)
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable, raising=False)
    names = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")

    def commit() -> int:
        command = ["git", "-C", str(tmp_path), *names, "commit", "-q", "--allow-empty", "-m", "next"]
        subprocess.run(command, check=True, capture_output=True)
        said = subprocess.run(["git", "-C", str(tmp_path), "rev-parse", "HEAD"], capture_output=True, check=True)
        scale._seed_of_commit.cache_clear()
        assert scale.seed() == int(hashlib.sha256(said.stdout.strip()).hexdigest()[:8], 16)
        return scale.seed()

    try:
        scale._seed_of_commit.cache_clear()
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        assert scale.seed() == scale.SEED_WITHOUT_COMMIT
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, capture_output=True)
        assert commit() != commit()
    finally:
        scale._seed_of_commit.cache_clear()


def test_the_line_to_repeat_a_test_states_what_it_ran_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(scale.SCALE, "2.5")
    line, keep = scale.repeat_with("tests/test_a.py::test_b[1]", net="net").splitlines()
    expected = "Repeat with: CAREMESH_TEST_SEED=7 CAREMESH_TEST_SCALE=2.5 pytest -m '' 'tests/test_a.py::test_b[1]'"
    assert line == expected
    assert keep == "Keep the seed that failed in tests/found_seeds/net.txt"
