# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""``python _start.py FILE DIRECTORY ...`` runs the module in a file; its arguments come from the standard input, as Ansible hands them over.

Collections are imported from the directories called ``ansible_collections`` that follow, in their order. PYTHONPATH would name them as well,
but to all programs that the module starts, too: a credential plugin in Python would import what belongs to Ansible.
"""

from __future__ import annotations

import runpy
import sys
import types


def main() -> None:
    file, *directories = sys.argv[1:]
    sys.argv = [file]
    collections = types.ModuleType("ansible_collections")
    collections.__path__ = directories
    sys.modules[collections.__name__] = collections
    runpy.run_path(file, run_name="__main__")


if __name__ == "__main__":
    main()
