# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints pip's settings in force as a configuration file.

ansible-test hides the variables PIP_* from the pip that it runs, so settings that come from the environment have to be in a file.
"""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys

if __name__ == "__main__":
    settings = configparser.ConfigParser(interpolation=None)
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    )
    for line in listing.stdout.splitlines():
        # SECTION.KEY='VALUE', where :env: stands for the section of what the environment sets.
        name, _equals, value = line.partition("=")
        section, _dot, key = name.rpartition(".")
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, key, str(ast.literal_eval(value)).replace("\n", "\n  "))
    settings.write(sys.stdout)
