"""What Ansible says, as one line: ansible-core up to 2.18 breaks warnings into lines of 79 characters, also behind hyphens."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """The text without line breaks, with single spaces."""
    return " ".join(re.sub(r"(?<=\S-)\n", "", text).split())
