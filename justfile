# What is done again and again. `just` lists it; `.venv/bin/just` has it where just is not installed.
# On Windows it needs the `sh` that comes with Git.

bin := env("BIN", justfile_directory() / if os_family() == "windows" { ".venv/Scripts" } else { ".venv/bin" })
base_python := if os_family() == "windows" { "python" } else { "python3" }

_list:
    @just --list --unsorted

# Make .venv with all that the tests need, and check each commit
setup:
    {{ base_python }} -m venv .venv
    "{{ bin }}/python" -m pip install --quiet --editable ".[dev,documents,finetune,remote,web]"
    "{{ bin }}/pre-commit" install

# All that a change has to pass, but for the slow tests
check: lint types imports fast

# Style and form
lint:
    "{{ bin }}/ruff" check .
    "{{ bin }}/ruff" format --check .

# Put style and form right
fix:
    "{{ bin }}/ruff" check --fix .
    "{{ bin }}/ruff" format .

# Types, strictly
types:
    "{{ bin }}/mypy"

# Which package imports which (the contracts in pyproject.toml)
imports:
    "{{ bin }}/lint-imports"

# The tests that take seconds, in parallel
fast *arguments:
    "{{ bin }}/python" -m pytest -q -n auto -m "not slow" {{ arguments }}

# Tests, by default all of them: just test tests/tui -k paste
test *arguments:
    "{{ bin }}/python" -m pytest -q {{ arguments }}

# What the tests do not notice: just mutate "assistant.routing.router*"
mutate *mutants:
    "{{ bin }}/python" -m pip install --quiet mutmut
    "{{ bin }}/mutmut" run {{ mutants }}

# Write the pictures of the screens and the help page anew: look at them before you commit them
snapshots $SNAPSHOTS="write":
    "{{ bin }}/python" -m pytest -q tests/tui/test_snapshots.py tests/test_usage_page.py

# Dead links, and help texts that are not today's
docs:
    "{{ bin }}/python" -m pytest -q tests/test_docs.py tests/test_usage_page.py

# The pages as a site in site/; a dead link ends it
site:
    "{{ bin }}/python" -m pip install --quiet --editable ".[docs]"
    "{{ bin }}/mkdocs" build
