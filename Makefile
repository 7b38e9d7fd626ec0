# Every target sets itself up: only Python 3.11+ and make are needed, and Maven for `athena`, `lanes` and `soak`.
# `uv` is used when it is on PATH; otherwise a pinned copy goes into .boot/ with pip.
.DEFAULT_GOAL := help
.PHONY: help demo test slow athena archives lanes soak mutants aws-local check fix bench bench-increment lock clean

PYTHON ?= python3
UV_VERSION := 0.13.8
# An absolute path where uv is installed, else the file that the rule below makes.
UV := $(or $(shell command -v uv 2>/dev/null),.boot/bin/uv)
BIN := .venv/bin
export PYTHONHASHSEED := 0
# Compiled code is kept wherever this runs: without it each of hundreds of processes compiles what it imports, for 8 s.
export PYTHONDONTWRITEBYTECODE :=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

.boot/bin/uv:
	@$(PYTHON) -m venv .boot && .boot/bin/pip install -q uv==$(UV_VERSION)

.venv/.ok: requirements.lock pyproject.toml | $(UV)
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv
	@$(UV) pip sync -q --python .venv --require-hashes requirements.lock
	@$(UV) pip install -q --python .venv --no-deps --no-build-isolation -e .
	@touch $@

demo: .venv/.ok ## generate a synthetic export and run all six stages on it
	@$(BIN)/caremesh demo

# A worker that dies ends the run with its test's name: xdist may hang where it starts another one.
PACKED := -n auto --maxprocesses 4 --dist loadgroup --max-worker-restart=0

test: .venv/.ok ## run the default tests, small random ones (CAREMESH_TEST_SCALE=1)
	@$(BIN)/pytest -q $(PACKED)

slow: .venv/.ok ## run the tests on large inputs
	@$(BIN)/pytest -q -m slow $(PACKED)

athena: archives ## run Athena's SQL on a real Trino
	@$(BIN)/pytest -q -m athena

archives: .venv/.ok ## fetch Trino once with Maven, 450 MB
	@$(BIN)/python -m tests.athena.archives

lanes: archives ## run all tests at once, packed on all cores, at the scale of CI (CAREMESH_TEST_SCALE=5)
	@CAREMESH_TEST_SCALE=$${CAREMESH_TEST_SCALE:-5} $(BIN)/pytest -q -m '' $(PACKED) --durations=40

soak: archives ## run all tests at their full sizes, before a release (hours; CAREMESH_TEST_SCALE=100)
	@CAREMESH_TEST_SCALE=100 $(BIN)/python -m tests.scale
	@CAREMESH_TEST_SCALE=100 $(BIN)/pytest -q -m '' $(PACKED) --durations=40

mutants: .venv/.ok ## make faults by hand, one at a time, and see that the test file that each names notices it
	@$(BIN)/python -m tests.mutants $(MUTANTS)

aws-local: .venv/.ok ## run a local AWS, a double, to try `--target aws` without an account (LANDING="folder …" to upload)
	@exec $(BIN)/python -m tests.athena.local_aws $(LANDING)

check: .venv/.ok ## run every static check, count the failures, change nothing
	@BIN=$(BIN) scripts/check

fix: .venv/.ok ## repair what ruff and sqlfluff can repair
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q . ; $(BIN)/sqlfluff fix -q dbt_project/models

bench: .venv/.ok ## measure `caremesh view run` beside yardsticks and peers, write docs/benchmarks.md (QUICK=1: no peers)
	@$(BIN)/python -m bench --date $(or $(DATE),$(shell date +%F)) $(if $(QUICK),--quick)

bench-increment: .venv/.ok ## measure a run that brings 10 MB to a product of 1 GB, write docs/benchmark-increment.md (25 minutes)
	@$(BIN)/python -m bench.increment --date $(or $(DATE),$(shell date +%F))

lock: | $(UV) ## resolve the dependencies again and write requirements.lock
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" pyproject.toml --extra dev -o requirements.lock

clean: ## remove the environment and everything generated
	rm -rf .venv .boot .demo .bench .athena .mutants .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
