#!/usr/bin/env bash
# Runs ansible-test sanity on the files of this checkout, committed or not. Arguments go to ansible-test, such as --test import.
# It wants a directory ansible_collections/NAMESPACE/NAME with the dependencies beside it, so it gets a copy in .lab/sanity.
# The lab and the tests are left out, as they are of the built collection: ruff and mypy check them.

set -eu -o pipefail
cd "$(dirname "$0")/../.."
root=$PWD
python=$(command -v python3)
lab=$root/.lab/sanity
copy=$lab/ansible_collections/devclusters/telepresence

rm -rf "$lab/ansible_collections"
mkdir -p "$copy" "$lab/ansible_collections/kubernetes"
git ls-files --cached --others --exclude-standard -z -- . ':!tests/lab' ':!tests/bench' ':!tests/unit' ':!tests/integration' |
    while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --null --no-recursion --files-from - --create | tar --extract --directory "$copy"
git init --quiet "$copy" # or ansible-test would ask the repository around it, which ignores .lab
ln -s "$("$python" -c 'import ansible_collections.kubernetes as k; print(list(k.__path__)[0])')/core" "$lab/ansible_collections/kubernetes/core"

# ansible-test skips what it does not find, and says so in a line among many.
if ! command -v shellcheck >/dev/null; then
    if [ ! -x .lab/shellcheck/usr/bin/shellcheck ]; then
        "$python" -c 'import pathlib; from tests.lab import packages, say; packages.unpack(("shellcheck",), pathlib.Path(".lab/shellcheck"), say.Say())'
    fi
    export PATH=$PATH:$root/.lab/shellcheck/usr/bin
fi

# A home of its own keeps the caches of ansible-test out of the user's.
export HOME=$lab/home
mkdir -p "$HOME/.ansible/test/cache" "$HOME/.config/pip"
for version in 23_1_2 24_2; do # the names that ansible-core 2.17, and 2.18 and 2.19 look for
    cp tests/sanity/get_pip.py "$HOME/.ansible/test/cache/get_pip_$version.py"
done
(umask 077 && "$python" tests/sanity/pip_settings.py >"$HOME/.config/pip/pip.conf")

cd "$copy"
ansible-test sanity --venv --python "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" "$@"
