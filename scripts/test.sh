#!/usr/bin/env bash
# Formatting, lint and tests, in an environment that the first run sets up. Ends with the status of the first that fails.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: bash scripts/test.sh [--all | --exhaustive] [--extras] [--python PYTHON] [-- PYTEST_OPTION ...]

  --all            the slow tests too
  --exhaustive     all of them, with those that are much like others too
  --extras         install the peers of the adapters and benchmarks as well, so that their tests run
  --python PYTHON  another interpreter, such as python3.12, with an environment of its own (.venv-3.12)
  --               what follows goes to pytest, as in: -- tests/envs -k layout -x
TEXT
}

fail() {
  printf 'test.sh: %s; see --help\n' "$1" >&2
  exit 2
}

extras='test'
slow=no
exhaustive=no
while [ $# -gt 0 ]; do
  case $1 in
    --all) slow=yes ;;
    --exhaustive) slow=yes exhaustive=yes ;;
    --extras) extras='test bench rejax' ;;
    --python)
      [ -n "${2:-}" ] || fail '--python needs the name or path of an interpreter'
      export PYTHON=$2
      shift
      ;;
    --help | -h)
      usage
      exit
      ;;
    --)
      shift
      break
      ;;
    *) fail "unknown option '$1'" ;;
  esac
  shift
done

scripts=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2086  # a list of words
venv=$(bash "$scripts/setup.sh" $extras)
cd -- "$scripts/.."
unset PYTHONHOME PYTHONPATH # they would let packages of another Python in
unset PYTHONDONTWRITEBYTECODE # else every process reads the asserts of all tests anew, 15 s each
python=$venv/bin/python

"$python" -m ruff format --check .
"$python" -m ruff check .

# Most tests run programs that compile in under half the time and are slower: equal is equal there too. Those marked as
# optimized run what users run.
# A newer jax does not know the second flag, and ends at it.
quick='--xla_backend_optimization_level=0'
more="$quick --xla_cpu_use_fusion_emitters=false"
if XLA_FLAGS=$more "$python" -P -c 'import jax; jax.devices()' >/dev/null 2>&1; then quick=$more; fi

# -P keeps the current folder out of sys.path: the package is tested as installed.
# One process for each core, as compiling takes one; four at most, as each takes some 4 GB. The tests of a file share
# compiled programs and so stay in one process, and files keep their order, which tests/conftest.py makes.
run_tests() {
  "$python" -P -m pytest -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder "$@"
}

status=0
left_out=''
if [ "$exhaustive" = no ]; then left_out=' and not exhaustive'; fi
if [ "$slow" = yes ]; then wanted="not optimized$left_out"; else wanted='not slow'; fi
XLA_FLAGS="${XLA_FLAGS:-} $quick" run_tests -m "$wanted" "$@" || status=$?
if [ "$slow" = yes ]; then
  # Of the files that have any: importing them all takes each process half a minute.
  # shellcheck disable=SC2046  # names without spaces
  [ $# -gt 0 ] || set -- $(grep -rlw --include='test_*.py' optimized tests)
  run_tests -m "optimized$left_out" "$@" || { code=$?; [ "$code" = 5 ] || status=$code; } # 5: none of those asked for is
fi
exit "$status"
