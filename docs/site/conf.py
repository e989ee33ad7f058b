# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx makes the site of the pages that antsibull-docs wrote. `make docs` runs both."""

from __future__ import annotations

import re
import typing as t

project = "devclusters.telepresence"
author = "devclusters.telepresence contributors"
html_title = project

extensions = ["sphinx_antsibull_ext"]
default_role = "any"
highlight_language = "yaml+jinja"

# Whatever a page refers to has to exist. What belongs to other projects is shown without a link, since the site is built without a network.
nitpicky = True
nitpick_ignore_regex = [
    ("std:ref", r"ansible_collections\.(ansible\.builtin|community\.okd|kubernetes\.core)\..*"),
    ("std:ref", "action_plugins|ansible_configuration_settings|common_return_values"),
    # Of the options that inventory plugins get from ansible-core.
    ("envvar", "ANSIBLE_(INVENTORY_)?CACHE_.*"),
]

html_theme = "furo"
html_theme_options = {"source_repository": "https://github.com/devclusters/ansible-collection-telepresence"}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
html_use_index = False
html_copy_source = False
pygments_style = "tango"
pygments_dark_style = "github-dark"
# Tables of options take their colours from site.css.
antsibull_ext_color_scheme = "none"


def setup(app: t.Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _name_entries)


def _name_entries(app: t.Any, page: str, source: list[str]) -> None:
    """Has the sidebar name plugins and roles without their description, below the headings of the page that lists them."""
    if page == "index":
        source[0] = index(source[0])


def index(text: str) -> str:
    """The page that antsibull-docs wrote, with a caption for each table of contents and a short name for each plugin and role in it."""
    lines: list[str] = []
    heading = ""
    for line in text.replace("Devclusters.Telepresence\n", f"{project}\n", 1).splitlines():
        if re.fullmatch(r"([~-])\1+", line):
            heading = lines[-1]
        lines.append(re.sub(r"^    (\w+)_(filter|inventory|lookup|module|role)$", r"    \1 <\1_\2>", line))
        if line == ".. toctree::":
            lines.append(f"    :caption: {heading}")
    return "\n".join(lines) + "\n"
