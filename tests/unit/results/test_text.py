"""What people read in the terminal about a run."""

from __future__ import annotations

import typing as t
import unicodedata

from ansible_collections.devclusters.telepresence.plugins.module_utils._results import text

from . import sample

LINES = {
    "web": "shop/web: restored to 3 (stale, last alive 2 h ago; the scaling event says 3)",
    "billing": "shop/billing: restored to 3 (ended; the scaling event says 3)",
    "api": "shop/api: would restore to 3 (stale, last alive 2 h ago; the scaling event says 3)",
    "catalog": "shop/mydev (proxy): proxy removed (stale, last alive 2 h ago)",
    "cart": "shop/cart: needs a decision - Two readings of the same rank differ: 3 and 5 replicas.",
    "checkout": "shop/checkout: held - Another session (alive) replaced the same original.",
    "price": "shop/price: suspended, left alone - The client's tunnel is up, but it does not answer: the laptop sleeps.",
}


def test_one_line_for_each_session_that_is_not_alive() -> None:
    lines = text.session_lines(sample.result(*sample.sessions()))
    assert set(LINES.values()) <= set(lines)
    assert not [line for line in lines[:-1] if "shop/front" in line or "shop/users" in line]
    assert len(lines) == len(sample.sessions()) - 2 + 1


def test_summary_counts_every_session_once() -> None:
    last = text.session_lines(sample.result(*sample.sessions()))[-1]
    assert last == (
        "15 sessions: 2 alive, 1 starting, 3 restored, 1 restorable, 2 needing a decision, 1 failed, 1 held, "
        "1 suspended, 1 clientless, 1 terminating, 1 unknown"
    )


def test_no_sessions() -> None:
    assert text.session_lines(sample.result()) == ["no sessions"]


def test_notices_come_before_the_summary() -> None:
    result = {**sample.result(), "notices": ["shop/web: begun by a run.", "\x1b[2Jtold in vain"]}
    assert text.session_lines(result) == ["shop/web: begun by a run.", r"\x1b[2Jtold in vain", "no sessions"]


def test_a_cluster_that_failed_early_has_its_problem_for_a_line() -> None:
    result = {"msg": "Cluster https://10.0.0.9:6443 cannot be reached."}
    assert text.session_lines(result) == [result["msg"]]
    assert text.session_problem(result) == "Cluster https://10.0.0.9:6443 cannot be reached."


def test_a_cluster_that_failed_late_keeps_its_lines() -> None:
    result = sample.result(sample.session()) | {"msg": "Waiting took too long."}
    assert text.session_lines(result) == [LINES["web"], "Waiting took too long."]


def test_a_session_that_failed_is_no_failure_of_its_cluster() -> None:
    result = sample.result(sample.session("mail", outcome="failed")) | {
        "msg": "shop: Deployment shop/mail was not scaled."
    }
    assert text.failure(result) is None
    assert text.session_problem(result) == "Somebody has to look at sessions: 1 failed (shop/mail)."


def test_problem_names_the_sessions_to_look_at() -> None:
    assert text.session_problem(sample.result(*sample.sessions())) == (
        "Somebody has to look at sessions: 2 to be decided (shop/cart, shop/search), 1 failed (shop/mail), "
        "1 that could not be judged (shop/queue), 1 held back (shop/checkout)."
    )


def test_no_problem_where_all_is_well() -> None:
    assert text.session_problem(sample.result(sample.session())) == ""


def test_last_alive_without_the_clock_of_the_pod_is_a_time() -> None:
    session = sample.session()
    session["probes"]["sockets"] = None
    assert text.last_alive(session) == "last alive 2026-11-22T02:40:10Z"


def test_a_session_whose_proxy_went_is_named_by_its_id() -> None:
    line = text.session_line(sample.idle("gone", "terminating", "The proxy is gone.", proxy=None, original=None))
    assert line.startswith("shop/9bdd4ff98a184820b2d4027b00a9af39 (proxy): terminating")


def test_last_alive_without_a_log_is_nothing() -> None:
    session = sample.session()
    session["probes"]["log"] = None
    assert text.last_alive(session) is None


def test_digest_holds_names_by_what_became_of_them() -> None:
    digest = text.digest(sample.result(*sample.sessions()))
    assert digest["restored"] == ["shop/web", "shop/billing", "shop/mydev (proxy)"]
    assert digest["needs_decision"] == ["shop/cart", "shop/search"]
    assert digest["unknown"] == ["shop/queue"]
    assert digest["error"] is None
    assert digest["summary"]["sessions"] == 15


def test_hostile_texts_do_not_steer_the_terminal() -> None:
    result = sample.result(sample.hostile()) | {"msg": sample.HOSTILE}
    shown = [*text.session_lines(result), text.session_problem(result), *text.digest(result)["needs_decision"]]
    for line in shown:
        assert len(line) <= 1000
        assert not [character for character in line if unicodedata.category(character).startswith("C")]


def lost(**changes: t.Any) -> dict[str, t.Any]:
    """A result with an orphan that was restored, and a lost workload."""
    return {**sample.result(sample.session()), "lost": [sample.lost(**changes)]}


def test_a_lost_workload_has_a_line_and_is_no_session() -> None:
    assert text.session_lines(lost())[1:] == [
        "shop/api: lost, left alone - Deployment shop/api is at 0 without a session.",
        "1 session: 1 restored, 1 lost workload: 1 lost",
    ]
    plan = [{"action": "scale", "object": "Deployment shop/api", "before": 0, "after": 2, "done": True}]
    assert text.session_lines(lost(outcome="restored", plan=plan))[1:] == [
        "shop/api: restored to 2 (lost; the note of the workload says 2)",
        "1 session: 1 restored, 1 lost workload: 1 restored",
    ]
    assert (
        text.session_lines({"lost": [sample.lost(), sample.lost("web")]})[-1] == "no sessions, 2 lost workloads: 2 lost"
    )


def test_digest_holds_lost_workloads_by_what_became_of_them() -> None:
    assert (text.digest(lost())["lost"], text.digest(lost())["restored"]) == (["shop/api"], ["shop/web"])
    restored = text.digest(lost(outcome="restored"))
    assert (restored["lost"], restored["restored"]) == ([], ["shop/web", "shop/api"])


def test_a_lost_workload_is_a_problem_only_where_it_was_to_be_put_back() -> None:
    assert text.session_problem(lost()) == ""
    failed = {**lost(outcome="failed"), "summary": {"needs_attention": True}, "msg": "shop: it failed"}
    assert text.session_problem(failed) == "Somebody has to look at sessions: 1 failed (shop/api)."


def test_hostile_texts_of_a_lost_workload_do_not_steer_the_terminal() -> None:
    lines = text.session_lines(lost(name=sample.HOSTILE, message=sample.HOSTILE))
    assert all(unicodedata.category(character)[0] != "C" for line in lines for character in line)
