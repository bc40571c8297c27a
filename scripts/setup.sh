#!/usr/bin/env bash
# Makes sure that a virtual environment holds the project, and prints its folder. The one place that installs anything:
# demo.sh and test.sh call it at every start, so it must cost next to nothing when there is nothing to do.
#
#   venv=$(bash scripts/setup.sh [EXTRA ...])      the default Python, in .venv
#   PYTHON=python3.12 bash scripts/setup.sh        another one, in .venv-3.12: two Pythons never fight over a folder
#   bash scripts/setup.sh --find [PYTHON]          only says which Python it would take: "3.12 /path/of/it"
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
candidates='python3 python3.13 python3.12 python3.11 python'

fail() { printf 'setup: %s\n' "$2" >&2; exit "$1"; } # STATUS TEXT

probe() { # NAME: prints version and path when NAME runs and is new enough
  local code='import sys; v = sys.version_info; v < (3, 11) and sys.exit(1); print(f"{v[0]}.{v[1]} {sys.executable}")'
  local answer
  answer=$("$1" -I -c "$code" 2>/dev/null) && [[ $answer =~ ^3\.[0-9]+\ / ]] && printf '%s\n' "$answer"
}

find_python() { # [NAME]: without a name, the first candidate that will do
  local name
  for name in ${1:-$candidates}; do
    # Under pyenv python3.12 may be installed and yet answer only when asked for by version; elsewhere this changes nothing.
    if probe "$name" || PYENV_VERSION=${name#python} probe "$name"; then return; fi
  done
  if [ -n "${1:-}" ]; then
    fail 2 "'$1' does not run, or is older than Python 3.11; name another with PYTHON=/path/of/python, or leave it out"
  fi
  fail 2 "no Python 3.11 or newer found (tried $candidates); install one, or name it with PYTHON=/path/of/python"
}

# What the installation is made from. The tools' settings are left out: a lint rule must not cost a new installation.
fingerprint() {
  "$venv/bin/python" -I - "$root" <<'PY'
import hashlib, json, pathlib, sys, tomllib
root = pathlib.Path(sys.argv[1])
project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
init = (root / "procmem_jax" / "__init__.py").read_text("utf-8")
version = [line for line in init.splitlines() if line.startswith("__version__")]
parts = [project["build-system"], project["project"], project["tool"]["hatch"], version, sys.version_info[:2]]
print(hashlib.sha256(json.dumps(parts).encode()).hexdigest())
PY
}

make_venv() { # uses $found, "version path"
  local python=${found#* }
  "$python" -I -c 'import ensurepip, venv' 2>/dev/null ||
    fail 2 "$python lacks the venv or ensurepip module; install it (on Debian and Ubuntu: the package python3-venv), or set PYTHON"
  printf 'setting up %s (first run, about a minute) ...\n' "${venv##*/}" >&2
  rm -rf -- "$venv"
  mkdir -- "$venv"
  printf 'incomplete\n' >"$stamp" # so that an interrupted start is told from a finished one
  "$python" -I -m venv "$venv" >"$log" 2>&1 || fail 1 "could not make a virtual environment; see $log"
}

install_project() { # EXTRAS, as core,test
  local target=. reason
  [ "$1" = core ] || target=".[${1#core,}]"
  if ! (cd -- "$root" && "$venv/bin/python" -I -m pip install --no-input --editable "$target") >"$log" 2>&1; then
    reason=$(grep -i '^ *error' "$log" | tail -n 1 || true)
    if grep -q 'Retrying (' "$log"; then reason='it cannot reach its package index'; fi
    fail 1 "pip could not install the project: ${reason:-unknown error}; its output is in $log"
  fi
}

if [ "${1:-}" = --find ]; then find_python "${2:-${PYTHON:-}}" && exit; fi

venv=$root/.venv
found=
if [ -n "${PYTHON:-}" ]; then
  found=$(find_python "$PYTHON")
  venv=$root/.venv-${found%% *}
fi
# One line, written last: fingerprint, extras, and the folder it was made in (a moved environment still points to the old one).
stamp=$venv/procmem-setup
log=$venv/install.log

have='' extras='' home='' fresh=no
if [ -f "$stamp" ]; then read -r have extras home <"$stamp" || true; fi
if [ "$have" = incomplete ] || [ "${home:-$root}" != "$root" ] ||
  ! "$venv/bin/python" -I -c 'import pip, tomllib' 2>/dev/null; then
  found=${found:-$(find_python)}
  make_venv
  have='' extras='' fresh=yes
fi

wanted=${extras:-core}
for extra in "$@"; do
  # What an earlier call asked for stays: demo.sh is content with what test.sh installed, and takes nothing away.
  case ",$wanted," in *",$extra,"*) ;; *) wanted+=,$extra ;; esac
done
now=$(fingerprint)
if [ "$now $wanted" != "$have $extras" ]; then
  [ "$fresh" = yes ] || printf 'updating %s ...\n' "${venv##*/}" >&2
  install_project "$wanted"
  printf '%s %s %s\n' "$now" "$wanted" "$root" >"$stamp"
fi
printf '%s\n' "$venv"
