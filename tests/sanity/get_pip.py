# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the script with which ansible-test puts pip into its virtual environments.

ansible-test downloads that script from a site of its own. This one takes the pip that comes with Python and lets it install
what was asked for, so that a package index is all the network that is needed.
"""

from __future__ import annotations

import subprocess
import sys

# Options of the original script that pip does not know.
FOREIGN = {"--no-setuptools", "--no-wheel"}

if __name__ == "__main__":
    subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
    wanted = [argument for argument in sys.argv[1:] if argument not in FOREIGN]
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", *wanted]))
