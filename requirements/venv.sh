#!/usr/bin/env bash
# Makes a Python environment in the directory given, with what the file of requirements beside this one says: DIRECTORY FILE.
set -euo pipefail
venv=$1
requirements=$(dirname "$0")/$2

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "The project needs python3, version 3.11 or later, on the PATH: install it (Debian: apt-get install python3)." >&2
    exit 1
fi
if ! python3 -c 'import ensurepip' 2>/dev/null; then
    # Debian keeps this part of Python in a package of its own.
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "The project needs Python's venv module: install it (Debian: apt-get install python3-venv)." >&2
        exit 1
    fi
    echo "installing python3-venv"
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
echo "making the Python environment in $venv (about a minute)"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
