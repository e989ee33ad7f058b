"""What the report page shows: the arranged data, and the page that the template of the role makes of it."""

from __future__ import annotations

import json
import shlex
import typing as t
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.page import page

from . import sample

TEMPLATES = Path(__file__).parents[3] / "roles" / "recover" / "templates"

# A page without outside resources and without programs needs no more than these.
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "main",
        "section",
        "footer",
        "nav",
        "article",
        "details",
    ),
    *(
        "summary",
        "div",
        "p",
        "ul",
        "li",
        "dl",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "small",
        "span",
        "strong",
        "b",
    ),
    *("a", "pre", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    "lang",
    "charset",
    "name",
    "content",
    "http-equiv",
    "class",
    "id",
    "href",
    "role",
    "aria-label",
    "data-label",
}


class Reader(HTMLParser):
    """Collects tags, attributes and texts, and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _value in attrs)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def report(check_mode: bool = False, **clusters: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"format": 1, "generated": "2026-11-22T04:42:00Z", "check_mode": check_mode, "clusters": clusters}


def read(data: dict[str, t.Any]) -> Reader:
    # Ansible renders with native types, where autoescape has no effect: the template must escape by itself.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, autoescape=False
    )
    reader = Reader()
    reader.feed(environment.get_template("report.html.j2").render(page=page(data)))
    reader.close()
    assert reader.open == []
    return reader


def test_groups_come_by_urgency_and_hold_every_session() -> None:
    cluster = page(report(beta=sample.result(*sample.sessions())))["clusters"][0]
    titles = [group["title"] for group in cluster["groups"]]
    assert titles == [
        "Needs a decision",
        "Failed",
        "Could not be judged",
        "Restored",
        "Would be restored",
        "Held back",
        "Left alone",
    ]
    shown = [item["name"] for group in cluster["groups"] for item in group["sessions"]] + [
        item["name"] for item in cluster["alive"]
    ]
    assert len(shown) == len(set(shown)) == len(sample.sessions())


def test_totals() -> None:
    data = report(
        beta=sample.result(*sample.sessions()), dead={"msg": "Cluster https://10.0.0.9:6443 cannot be reached."}
    )
    totals = {total["label"]: total["value"] for total in page(data)["totals"]}
    assert totals == {
        "Clusters": 2,
        "Clusters failed": 1,
        "Sessions": 15,
        "Restored": 4,
        "Held back": 1,
        "Lost": 0,
        "Need a decision": 3,
        "Failed": 1,
    }


def choices(name: str, **changes: t.Any) -> list[dict[str, str]]:
    session = sample.session(name, outcome="needs_decision", **changes)
    view = page(report(beta=sample.result(session)))["clusters"][0]["groups"][0]["sessions"][0]
    found: list[dict[str, str]] = view["choices"]
    return found


@pytest.mark.parametrize("value", [3, 2])
def test_a_choice_is_a_command_for_each_reading(value: int) -> None:
    command = next(choice["command"] for choice in choices("web") if choice["text"].startswith(f"Restore to {value}:"))
    words = shlex.split(command.replace("\\\n", ""))  # as a shell joins lines
    assert words[:6] == ["ansible-playbook", "devclusters.telepresence.recover", "-i", "INVENTORY", "--limit", "beta"]
    assert words[7] == "recover_workload=shop/web"
    assert json.loads(words[9]) == {"recover_replicas": {"shop/web": value}}


def test_without_evidence_the_choice_has_a_gap_to_fill() -> None:
    command = choices("web", evidence=[])[0]["command"]
    assert shlex.split(command)[-1] == '{"recover_replicas": {"shop/web": N}}'


@pytest.mark.parametrize("key", ["namespace", "name", "kind"])
def test_no_command_is_offered_for_what_cannot_be_a_name(key: str) -> None:
    original = sample.session()["original"] | {key: "{{ lookup('pipe', 'id') }}"}
    assert choices("web", original=original) == []


def test_the_page_shows_names_and_errors() -> None:
    text = read(report(beta=sample.result(*sample.sessions()), dead={"msg": "Cluster <dead> cannot be reached."})).text
    assert "Cluster <dead> cannot be reached." in text
    for session in sample.sessions():
        assert (session["original"] or session["proxy"])["name"] in text


def test_a_session_whose_proxy_went_is_shown() -> None:
    gone = sample.idle("gone", "terminating", "The proxy went.", proxy=None, original=None)
    assert "The proxy went." in read(report(alpha=sample.result(gone))).text


def test_notices_are_shown_and_escaped() -> None:
    noticed = {**sample.result(), "notices": ["shop/web: begun by a run.", "<b>told</b> in vain"]}
    text = read(report(alpha=noticed)).text
    assert "shop/web: begun by a run." in text and "<b>told</b> in vain" in text


def test_check_mode_is_said_on_the_page() -> None:
    assert "Check mode." in read(report(check_mode=True, alpha=sample.result())).text
    assert "Check mode." not in read(report(alpha=sample.result())).text


def test_hostile_texts_stay_texts() -> None:
    bad = sample.HOSTILE
    hostile = [sample.hostile(), sample.hostile(outcome="none"), sample.hostile(verdict="alive", outcome="none")]
    result = sample.result(*hostile, *sample.sessions())
    result["cluster"] = dict.fromkeys(result["cluster"], bad)
    reader = read(report() | {"generated": bad, "clusters": {bad: result, "other": {"msg": bad}}})
    assert reader.tags <= TAGS
    assert reader.attributes <= ATTRIBUTES
    assert all(link.startswith("#cluster-") for link in reader.links)
    assert "<script>alert(1)</script>" in reader.text
    assert "{{ lookup('env', 'HOME') }}" in reader.text
    assert "\x1b" not in reader.text and "\u202e" not in reader.text


def test_a_lost_workload_has_a_card_with_the_ways_out() -> None:
    data = report(alpha={**sample.result(sample.session()), "lost": [sample.lost()]})
    shown = page(data)
    totals = {total["label"]: total["value"] for total in shown["totals"]}
    assert (totals["Sessions"], totals["Lost"], totals["Restored"]) == (1, 1, 1)
    (group,) = [group for group in shown["clusters"][0]["groups"] if group["title"] == "Lost, and left alone"]
    (card,) = group["sessions"]
    assert (card["name"], card["kind"], card["probes"]) == ("shop/api", "Deployment", [])
    commands = [shlex.split(choice["command"].replace("\\\n", "")) for choice in card["choices"]]
    variables = [json.loads(command[-1]) for command in commands[:2]]
    assert variables[0] == {"recover_replicas": {"shop/api": 2}, "recover_restore_lost": True}
    assert variables[1] == {"baseline_namespaces": ["shop"], "baseline_replicas": {"shop/api": 0}}
    assert commands[0][1] == "devclusters.telepresence.recover" and "recover_workload=shop/api" in commands[0]
    assert commands[1][1] == "devclusters.telepresence.baseline"
    assert commands[2][-1] == "devclusters.telepresence/ignore=true"
    assert "shop/api" in read(data).text


def test_hostile_texts_of_a_lost_workload_stay_texts() -> None:
    hostile = sample.lost(name=sample.HOSTILE, message=sample.HOSTILE, managed_by=[sample.HOSTILE])
    reader = read(report(alpha={**sample.result(), "lost": [hostile]}))
    assert reader.tags <= TAGS and reader.attributes <= ATTRIBUTES
    assert "<script>alert(1)</script>" in reader.text
