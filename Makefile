# Everything starts here, from a fresh checkout, with nothing but Python 3.11+ and make.
# Settings of `make run`: PORT, DATA_DIR, MONGO_URL, LOG (docs/settings.md).

PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
INSTALL = @$(PYTHON) -I shared/embedded/install.py

FAST = unit architecture contract
TIERS = $(FAST) service log_kafka convergence system attacks browser crash
# The tests of a tier are in tests/TIER, but for this one: it is the short form of `make faults`.
FOLDER_crash = tests/faults

# Files of these tiers run side by side, each process with a mongod or a stack of its own. Those of log_kafka do not: they kill and
# measure in seconds, and want the machine for themselves.
SIDE_BY_SIDE_unit = -n 2
SIDE_BY_SIDE_service = -n 2 --dist loadfile
SIDE_BY_SIDE_convergence = -n 2 --dist loadfile
SIDE_BY_SIDE_system = -n 2 --dist loadfile
SIDE_BY_SIDE_attacks = -n 2 --dist loadfile
SIDE_BY_SIDE_browser = -n 2

.DEFAULT_GOAL = help
.PHONY: help run kafka test fast lint $(TIERS) faults fuzz bench bench-pages load demo token settings lock clean
.NOTPARALLEL:

help: ## this list
	@echo "Birtereze. make …"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1 \2/p' Makefile | awk '{ name = $$1; $$1 = ""; printf "  %-13s%s\n", name, $$0 }'
	@echo "One tier of the tests alone: make TIER, one of $(TIERS)"

run: ## start the whole stack on this machine; Ctrl-C stops it
	$(INSTALL) run $(VENV)
	@exec $(PY) -m shared.embedded.runner --with-parent

kafka: ## a real Kafka on this machine, for make run LOG=kafka; Ctrl-C stops it
	$(INSTALL) run $(VENV)
	$(INSTALL) kafka $(VENV)
	@exec $(PY) -m shared.embedded.kafka --with-parent

demo: ## one family's whole way through a running stack, step by step
	$(INSTALL) run $(VENV)
	@$(PY) -m shared.embedded.demo

token: ## an access token: make token USER=worker.astana, or CLIENT=agency-health-astana
	$(INSTALL) run $(VENV)
ifdef CLIENT
	@$(PY) -m shared.embedded.token client "$(CLIENT)"
else
	@$(PY) -m shared.embedded.token user "$(USER)"
endif

test: lint $(TIERS) ## every tier of the tests, as CI runs them
	@echo "All tiers passed: lint $(TIERS)"

fast: lint $(FAST) ## the tiers that take seconds
	@echo "Passed: lint $(FAST)"

lint: ## style, who may import whom, and every sentence in three languages
	$(INSTALL) test $(VENV)
	@echo "== lint"
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/lint-imports
	@$(PY) -m shared.i18n check

# A tier without tests fails (pytest's exit code 5): nothing is skipped in silence.
$(TIERS):
	$(INSTALL) test $(VENV)
	@echo "== $@"
	@$(PY) -m pytest -q $(SIDE_BY_SIDE_$@) $(or $(FOLDER_$@),tests/$@)

faults: ## the promises under faults, on both logs, and builds broken on purpose (SEED, LOG, SCENARIO, LONG; docs/reliability.md)
	$(INSTALL) test $(VENV)
	$(INSTALL) kafka $(VENV)
	@$(PY) -m tests.faults

fuzz: ## broken requests by the ten thousand against a stack of its own: none may pass, fail or leave anything (SEED, EXAMPLES, BODIES)
	$(INSTALL) test $(VENV)
	@$(PY) -m tests.attacks

bench: ## what each way through the system costs, beside the least that it could; writes .bench/results.json
	$(INSTALL) test $(VENV)
	$(INSTALL) kafka $(VENV)
	@$(PY) -m benchmarks

load: ## how many requests a second this machine holds, and what happens beyond
	$(INSTALL) run $(VENV)
	@$(PY) -m benchmarks.load

bench-pages: ## how long each page takes to answer, with 200 families
	$(INSTALL) run $(VENV)
	@$(PY) -m benchmarks.pages

settings: ## write docs/settings.md anew, from the settings classes
	$(INSTALL) run $(VENV)
	@$(PY) -m shared.settings_docs > docs/settings.md

lock: ## resolve requirements/*.in anew
	$(INSTALL) test $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@$(PY) -m uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 requirements/run.in -o requirements/run.txt
	@$(PY) -m uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 requirements/kafka.in -o requirements/kafka.txt
	@$(PY) -m uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 requirements/node.in -o requirements/node.txt
	@$(PY) -m uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 -c requirements/run.txt requirements/test.in -o requirements/test.txt

clean: ## remove what make made: packages, data, caches
	rm -rf $(VENV) .assets .tools .bench .screenshots shared/ui/node_modules .data .hypothesis .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
