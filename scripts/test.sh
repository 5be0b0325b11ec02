#!/usr/bin/env bash
# Everything that must hold before a change goes in: build, formatter, linter (layers included), types of the tests, and all
# tests but the long campaigns. Installs what is missing. Arguments go to vitest. The last line is
# "N passed, N failed[, N skipped]"; with CI=1 a skip is a failure.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ci=${CI:-}
[ "$ci" = 0 ] || [ "$ci" = false ] && ci=""

if ! command -v node >/dev/null; then
  echo "the tests need Node.js 20 or newer, and there is no \"node\" on the PATH; get it from https://nodejs.org" >&2
  echo "0 passed, 1 failed"
  exit 1
fi

if ! node scripts/prepare.mjs; then
  echo "0 passed, 1 failed"
  exit 1
fi

# Foreign readers live in .venv, made anew when the list of them changes.
foreign_readers() {
  local stamp=.venv/.foreign-readers.txt
  [ -x .venv/bin/python ] && cmp -s scripts/foreign-readers.txt "$stamp" && return 0
  echo "test: installing foreign readers into .venv …" >&2
  rm -rf .venv &&
    python3 -m venv .venv >&2 &&
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement scripts/foreign-readers.txt >&2 &&
    cp scripts/foreign-readers.txt "$stamp"
}

passed=0
failed=0
check() { # check <what> <command…>
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "test: FAILED $what" >&2
  fi
}

if ! command -v python3 >/dev/null; then
  echo "test: there is no python3 on the PATH, so the foreign readers (pyarrow, Polars) are skipped; install Python 3 and its venv" >&2
  [ -z "$ci" ] || failed=$((failed + 1))
elif foreign_readers; then
  export DAEDALUS_PYTHON="$PWD/.venv/bin/python"
else
  rm -rf .venv
  echo "test: no virtual environment with pyarrow and Polars could be made (on Debian and Ubuntu: apt-get install python3-venv), so the foreign readers are skipped" >&2
  [ -z "$ci" ] || failed=$((failed + 1))
fi

# Ray lives in .services, made by the product's own command.
export XDG_DATA_HOME=$PWD/.services
if ! command -v python3 >/dev/null || ! node dist/bundle/main.js setup ray >&2; then
  echo "test: Ray could not be installed, so what runs on it is skipped" >&2
  [ -z "$ci" ] || failed=$((failed + 1))
fi

if [ -z "${DAEDALUS_CHROMIUM:-}" ] && ! command -v chromium chromium-browser google-chrome >/dev/null; then
  echo "test: there is no Chromium on the PATH, so the page of explain is not opened in a browser; install it (on Debian and Ubuntu: apt-get install chromium) or set DAEDALUS_CHROMIUM" >&2
fi

check "formatter and linter" node_modules/.bin/biome ci --error-on-warnings .
check "types of the tests" node_modules/.bin/tsc -p tsconfig.test.json
check "types of the page" node_modules/.bin/tsc -p tsconfig.page.json

CI=$ci DAEDALUS_CHECKS_PASSED=$passed DAEDALUS_CHECKS_FAILED=$failed exec node_modules/.bin/vitest run "$@"
