"""Links from page to page in Markdown lead somewhere. Those of the site are checked where it is built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.blocks import ROOT, pages

LINKS = [
    (page, str(child.attrs["href"]))
    for page in pages()
    if page.suffix == ".md"
    for token in MarkdownIt().enable("table").parse(page.read_text())
    for child in token.children or []
    if child.type == "link_open" and "://" not in str(child.attrs["href"])
]


def heading_names(page: Path) -> set[str]:
    """The names under which the headings of a page are linked to."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.relative_to(ROOT)}:{link}" for page, link in LINKS])
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    path, _, heading = link.partition("#")
    target = (page.parent / path) if path else page
    assert target.exists()
    assert not heading or heading in heading_names(target)
