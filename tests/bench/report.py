"""The lines as JSON for programs, and as a page with plots that needs nothing from elsewhere."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import jinja2

from .lines import Line, number

HERE = pathlib.Path(__file__).parent
Found = Mapping[str, Sequence[Line]]
"""The lines of each figure."""


def write(
    directory: pathlib.Path, machine: Mapping[str, str], repeats: int, titles: Mapping[str, str], found: Found
) -> tuple[pathlib.Path, pathlib.Path]:
    """Writes bench.json and bench.html, in place of those of an earlier run; returns where they are."""
    directory.mkdir(exist_ok=True)
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    data = {"measured": when, "machine": machine, "repeats": repeats}
    as_json, as_page = directory / "bench.json", directory / "bench.html"
    figures = {name: [asdict(line) for line in mine] for name, mine in found.items()}
    as_json.write_text(json.dumps({**data, "figures": figures}, indent=1) + "\n")
    as_page.write_text(page(when, machine, repeats, titles, found))
    return as_json, as_page


def page(when: str, machine: Mapping[str, str], repeats: int, titles: Mapping[str, str], found: Found) -> str:
    """The page's HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    figures = [{"name": name, "title": titles[name], **view(mine)} for name, mine in found.items()]
    template = environment.get_template("page.html.j2")
    return template.render(when=when, machine=machine, repeats=repeats, figures=figures) + "\n"


def view(lines: Sequence[Line]) -> dict[str, Any]:
    """What the page shows of a figure: ``ratios`` and other values with a target, and for each unit a plot of its ``bars``.

    A bar's ``width`` and the ``marks`` of the single repeats on it are in percent of the largest value of that unit.
    """
    units: dict[str, list[Line]] = {}
    for line in lines:
        if line.unit:
            units.setdefault(line.unit, []).append(line)
    return {
        "targets": [
            {
                "name": line.name if line.unit else f"{line.name} ratio",
                "value": f"{number(line.value)} {line.unit}".strip(),
                "target": str(line.target or ""),
                "met": line.target.met(line.value) if line.target else None,
            }
            for line in lines
            if line.target or not line.unit
        ],
        "plots": [{"unit": unit, "bars": _bars(mine)} for unit, mine in units.items()],
    }


def _bars(lines: Sequence[Line]) -> list[dict[str, Any]]:
    largest = max(value for line in lines for value in (line.value, *line.values)) or 1.0
    return [
        {
            "name": line.name,
            "value": number(line.value),
            "width": round(100 * line.value / largest, 2),
            "marks": [round(100 * value / largest, 2) for value in line.values],
        }
        for line in lines
    ]
