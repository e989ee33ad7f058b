"""The code blocks of the documentation: where they stand, what they are, and whether they say that nobody runs them.

tests/integration/test_pages.py and test_eks.py run each of them, but for those that say right before them that nobody does:
``<!-- not run: WHY -->`` in Markdown, ``.. not run: WHY`` in reStructuredText. Where what such a block names is checked at least,
it says ``not run, only checked: WHY``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docutils.core
import docutils.nodes
import yaml
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "*.md",
    "roles/*/README.md",
    "docs/**/*.md",
    "docs/**/*.rst",
    "inventories/**/*.md",
    "playbooks/**/*.md",
    "tests/lab/**/*.md",
)
_MARK = re.compile(r"\s*not run(, only checked)?:\s*(\S.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One code block. ``not_run`` is the reason that it gives for not being run, or None; ``checked``: test_blocks.py checks it."""

    page: str
    line: int
    language: str
    text: str
    not_run: str | None = None
    checked: bool = True

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """The pages of the documentation."""
    return sorted({page for pattern in PAGES for page in ROOT.glob(pattern)})


def collect() -> list[Block]:
    """The blocks of all pages."""
    return [block for page in pages() for block in blocks(str(page.relative_to(ROOT)), page.read_text())]


def blocks(page: str, text: str) -> list[Block]:
    """The blocks of a page in Markdown or, by its name, reStructuredText."""
    return list(_restructured(page, text) if page.endswith(".rst") else _markdown(page, text))


def play_of(block: Block) -> list[dict[str, Any]] | None:
    """The plays that a block is, a play of the tasks that it is, or None where it is neither."""
    content = yaml.safe_load(block.text)
    if not isinstance(content, list) or not all(isinstance(one, dict) and "sources" not in one for one in content):
        return None
    if any("hosts" in one or "ansible.builtin.import_playbook" in one for one in content):
        return content
    return [{"hosts": "localhost", "gather_facts": False, "tasks": content}]


def _markdown(page: str, text: str) -> Iterator[Block]:
    before = ""
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            line = (token.map or [0])[0] + 1
            yield Block(page, line, token.info.strip() or "sh", token.content, *_mark(before))
        before = token.content.strip().removeprefix("<!--").removesuffix("-->") if token.type == "html_block" else ""


def _restructured(page: str, text: str) -> Iterator[Block]:
    # What docutils does not know are Sphinx's roles and directives, and of no interest here, unless they hide a block.
    settings = {"report_level": 5, "halt_level": 6, "syntax_highlight": "none"}
    # The end tells docutils where the block before it ends.
    document = docutils.core.publish_doctree(f"{text}\n..\n", settings_overrides=settings)
    quoted = document.findall(docutils.nodes.literal_block)
    literal = [node for node in quoted if not isinstance(node.parent, docutils.nodes.system_message)]
    found = [node for node in literal if "code" in node["classes"]]
    if len(literal) > len(found) or len(found) < len(re.findall(r"^ *\.\. code-block::", text, re.MULTILINE)):
        raise ValueError(f"{page}: a block is no code-block directive, or is hidden in a directive of Sphinx")
    lines, line = [one.strip() for one in text.splitlines()], 0
    for node in found:
        content = node.astext() + "\n"
        line = lines.index(content.splitlines()[0].strip(), line) + 1
        language = next((one for one in node["classes"] if one != "code"), "")
        yield Block(page, line, language, content, *_mark(_before(node)))


def _before(node: docutils.nodes.Node) -> str:
    place = node.parent.index(node)
    sibling = node.parent[place - 1] if place else None
    return sibling.astext() if isinstance(sibling, docutils.nodes.comment) else ""


def _mark(comment: str) -> tuple[str | None, bool]:
    """Of a block behind this comment, ``not_run`` and ``checked``."""
    mark = _MARK.fullmatch(comment)
    return (mark.group(2), bool(mark.group(1))) if mark else (None, True)
