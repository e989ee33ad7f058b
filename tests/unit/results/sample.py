"""Sample results for tests of what people see: each verdict and each outcome once, and one session full of hostile texts."""

from __future__ import annotations

import typing as t

HOSTILE = (
    "<script>alert(1)</script>\x1b[31mred\x1b[0m\x1b]8;;http://evil\x07link\u202e{{ lookup('env', 'HOME') }}\r\n{% raw %}&amp;'\""
    + "x" * 2000
)


def session(name: str = "web", **changes: t.Any) -> dict[str, t.Any]:
    """A stale session that was restored from 0 to 3 on the word of its scaling event; ``changes`` replace whole keys."""
    sid = "9bdd4ff98a184820b2d4027b00a9af39"
    proxy = f"{name[:17]}-{sid}"
    record: dict[str, t.Any] = {
        "session_id": sid,
        "namespace": "shop",
        "client_version": "0.109",
        "mode": "swap_pod",
        "proxy": {
            "api_version": "v1",
            "kind": "Pod",
            "namespace": "shop",
            "name": proxy,
            "uid": "e6b05ec9-5b5e-4b57-9c0d-54c6a5e4d9c1",
            "created": "2026-11-22T02:37:09Z",
        },
        "verdict": "stale",
        "reason": "Port 9055 refuses, no tunnel is open on 8022, and since the last sign of life at 2026-11-22T02:40:10Z "
        "the proxy's own polls failed 4 times over 93 s.",
        "probes": {
            "http": "refused",
            "sockets": {"clock": "2026-11-22T04:41:43Z", "listening": False, "tunnels": 0, "sshd": True},
            "log": {
                "last_alive": "2026-11-22T02:40:10Z",
                "failing_since": "2026-11-22T02:40:40Z",
                "failing_until": "2026-11-22T04:41:40Z",
                "failures": 4,
            },
            "containers": {proxy: "running"},
        },
        "original": {
            "api_version": "apps/v1",
            "kind": "Deployment",
            "namespace": "shop",
            "name": name,
            "uid": "2dd5e9a4-3f3c-4a5e-8c55-0b5be4f6c7de",
            "matched_by": "uid",
            "replicas": 0,
        },
        "replicas": 3,
        "evidence": [
            {
                "source": "scaling_event",
                "class": "swap",
                "value": 3,
                "time": "2026-11-22T02:37:09Z",
                "object": f"Event shop/{name}.18ea3d799804380e",
            },
            {
                "source": "last_applied",
                "class": "declared",
                "value": 2,
                "time": None,
                "object": f"Deployment shop/{name}",
            },
        ],
        "managed_by": ["Helm release shop/web"],
        "plan": [
            {"action": "scale", "object": f"Deployment shop/{name}", "before": 0, "after": 3},
            {"action": "delete", "object": f"Pod shop/{proxy}"},
            {"action": "delete", "object": "Service shop/mydev"},
        ],
        "outcome": "restored",
        "message": f"Deployment shop/{name} was put back to 3 replicas and its proxy was removed.",
    }
    record |= changes
    for step in record["plan"]:
        step.setdefault("done", record["outcome"] == "restored")
    return record


def idle(name: str, verdict: str, reason: str, **changes: t.Any) -> dict[str, t.Any]:
    """A session that is left alone because of its verdict."""
    nothing: dict[str, t.Any] = {"outcome": "none", "message": "", "plan": [], "evidence": [], "replicas": None}
    return session(name, verdict=verdict, reason=reason, **(nothing | changes))


def sessions() -> list[dict[str, t.Any]]:
    """One session of each verdict and of each outcome."""
    proxy = session()["proxy"]
    ended = session(
        "billing",
        verdict="ended",
        reason="The proxy's container ended with code 137.",
        probes={
            "http": None,
            "sockets": None,
            "log": None,
            "containers": {"billing-9bdd4ff98a184820b2d4027b00a9af39": "terminated"},
        },
        mode="swap_deployment",
        client_version="0.105",
        managed_by=[],
    )
    return [
        session(),
        ended,
        session(
            "api",
            outcome="restorable",
            message="Deployment shop/api would be put back to 3 replicas and its proxy removed.",
        ),
        session(
            "catalog",
            original=None,
            proxy=proxy | {"name": "mydev"},
            mode="new",
            evidence=[],
            replicas=None,
            plan=[{"action": "delete", "object": "Pod shop/mydev"}],
            message="The proxy of a session without an original was removed.",
        ),
        session(
            "cart",
            outcome="needs_decision",
            replicas=None,
            plan=[],
            message="Two readings of the same rank differ: 3 and 5 replicas.",
            evidence=[
                {
                    "source": "scaling_event",
                    "class": "swap",
                    "value": 3,
                    "time": "2026-11-22T02:37:09Z",
                    "object": "Event shop/cart.1",
                },
                {
                    "source": "last_applied",
                    "class": "swap",
                    "value": 5,
                    "time": None,
                    "object": "Deployment shop/cart-9bdd",
                },
            ],
        ),
        session(
            "search",
            outcome="needs_decision",
            replicas=None,
            plan=[],
            evidence=[],
            message="Nothing tells how many replicas Deployment shop/search had.",
        ),
        session("checkout", outcome="held", message="Another session (alive) replaced the same original."),
        session(
            "mail",
            outcome="failed",
            message="Deployment shop/mail was not scaled: the API server refused (403), the role lacks patch on deployments.",
        ),
        idle("front", "alive", "The client answered on port 9055.", probes=session()["probes"] | {"http": "alive"}),
        idle("users", "alive", "The client answered on port 9055.", probes=session()["probes"] | {"http": "alive"}),
        idle("stock", "starting", "The proxy is 90 s old and its client was not seen yet."),
        idle("price", "suspended", "The client's tunnel is up, but it does not answer: the laptop sleeps."),
        idle("media", "clientless", "The tunnel is up, but nothing answers behind it."),
        idle("audit", "terminating", "The proxy is being deleted."),
        idle(
            "queue",
            "unknown",
            "The proxy could not be asked: the API server answered 403 to exec in pod shop/queue-9bdd.",
        ),
    ]


def hostile(verdict: str = HOSTILE, outcome: str = "needs_decision") -> dict[str, t.Any]:
    """A session in which every text tries to steer whoever shows it."""
    poisoned = session(
        "evil",
        outcome=outcome,
        verdict=verdict,
        message=HOSTILE,
        reason=HOSTILE,
        managed_by=[HOSTILE],
        client_version=HOSTILE,
        mode=HOSTILE,
        session_id=HOSTILE,
        evidence=[{"source": HOSTILE, "class": HOSTILE, "value": HOSTILE, "time": HOSTILE, "object": HOSTILE}],
        plan=[{"action": HOSTILE, "object": HOSTILE, "before": HOSTILE, "after": HOSTILE}],
    )
    poisoned["probes"] = {
        "http": HOSTILE,
        "sockets": {"clock": HOSTILE, "listening": True, "tunnels": HOSTILE, "sshd": True},
        "log": {"last_alive": HOSTILE, "failing_since": HOSTILE, "failing_until": HOSTILE, "failures": HOSTILE},
        "containers": {HOSTILE: HOSTILE},
    }
    for key in ("proxy", "original"):
        poisoned[key] = {**poisoned[key], "kind": HOSTILE, "namespace": HOSTILE, "name": HOSTILE}
    return poisoned


def result(*records: dict[str, t.Any], identity: str = "7f1c3f0e-0d4f-4a5c-9f0e-3f8b6a1d2c4b") -> dict[str, t.Any]:
    """The result of a module that met these sessions."""
    verdicts: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    for record in records:
        verdicts[record["verdict"]] = verdicts.get(record["verdict"], 0) + 1
        outcomes[record["outcome"]] = outcomes.get(record["outcome"], 0) + 1
    attention = any(
        record["outcome"] in ("needs_decision", "failed") or record["verdict"] == "unknown" for record in records
    )
    return {
        "changed": "restored" in outcomes,
        "cluster": {
            "server": "https://10.0.0.1:6443",
            "identity": identity,
            "identity_source": "kube-system",
            "version": "v1.34.4",
            "user": "admin",
        },
        "sessions": list(records),
        "orphans": [record for record in records if record["verdict"] in ("stale", "ended")],
        "lost": [],
        "summary": {"sessions": len(records), "verdicts": verdicts, "outcomes": outcomes, "needs_attention": attention},
    }


def lost(name: str = "api", **changes: t.Any) -> dict[str, t.Any]:
    """A workload that was noted with 2 and is at 0 without a session; ``changes`` replace whole keys."""
    record: dict[str, t.Any] = {
        "namespace": "shop",
        "original": {
            "api_version": "apps/v1",
            "kind": "Deployment",
            "namespace": "shop",
            "name": name,
            "uid": "5b0f4a57-9df8-4b0c-a4d5-0a7f7d2f9c11",
            "replicas": 0,
        },
        "replicas": 2,
        "evidence": [
            {
                "source": "baseline",
                "class": "recorded",
                "value": 2,
                "time": "2026-11-21T02:00:00Z",
                "object": "ConfigMap shop/telepresence-baseline",
            }
        ],
        "managed_by": [],
        "plan": [],
        "outcome": "none",
        "message": f"Deployment shop/{name} is at 0 without a session.",
    }
    return record | changes
