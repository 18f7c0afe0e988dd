# Each target sets up what it needs; nothing has to be installed by hand but Python 3.11 or later.
.PHONY: demo test fuzz lint format types layers bench proto docs lock check clean

PY := .venv/bin/python

demo: ## a simulated fleet and the exporter on it
	@scripts/setup run
	@exec .venv/bin/kata-exporter demo $(DEMO_FLAGS)

test: ## every test; sets up Debian packages when root
	@scripts/setup dev
	@scripts/test-packages
	@$(PY) tests/support/peer_binary.py
	$(PY) -m pytest $(TEST_FLAGS)

FUZZ_SECONDS ?= 300
fuzz: ## what hostile bytes reach, each target for FUZZ_SECONDS
	@scripts/setup dev
	$(PY) -m fuzz --seconds $(FUZZ_SECONDS)

lint: ## ruff: rules and format
	@scripts/setup dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format:
	@scripts/setup dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

types: ## mypy, strict
	@scripts/setup dev
	.venv/bin/mypy

layers: ## who may import whom
	@scripts/setup dev
	.venv/bin/lint-imports

proto: ## generate protobuf modules from protos/
	@scripts/setup dev
	scripts/proto

docs: ## generate the documents that come from the code
	@scripts/setup dev
	$(PY) scripts/docs.py

bench: ## measure, with the floors in the same run; BASE=rev compares with that revision
	@scripts/setup dev
	$(PY) -m benchmarks $(if $(BASE),--base "$(BASE)") $(BENCH_FLAGS)

lock: ## resolve dependencies anew
	@scripts/setup dev
	scripts/lock

check: lint types layers ## all but the tests; generated files and documents included
	scripts/proto --check
	$(PY) scripts/docs.py --check

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist fuzz/findings
