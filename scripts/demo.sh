#!/usr/bin/env bash
# Runs the demonstration. The first run sets up .venv; every option goes to scripts/demo.py (try --help).
set -euo pipefail

scripts=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
venv=$(bash "$scripts/setup.sh")
unset PYTHONHOME PYTHONPATH # they would let packages of another Python in
exec "$venv/bin/python" "$scripts/demo.py" "$@"
