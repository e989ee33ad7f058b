"""A scripted controller: answers those requests to AWX's /api/v2 that the modules of awx.awx make, and keeps their objects in memory.

It is no AWX. What it answers is what awx.awx 24.6.1 reads (plugins/module_utils/controller_api.py there), in the shape that AWX 24.6.1 gives its
objects (awx/api/serializers.py, and awx/api/views for the survey). Where AWX would refuse, it refuses: a reference to nothing, a field that the
object does not have, a survey or a schedule that is malformed. What it is not asked for in the tests, it answers with 404.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .survey import Object, Refused, checked_survey

TOKEN = "scripted-token"
ENCRYPTED = "$encrypted$"
FIELDS: dict[str, Object] = {
    "organizations": {"description": ""},
    "execution_environments": {"description": "", "organization": None, "image": ""},
    "projects": {
        "description": "",
        "organization": None,
        "scm_type": "",
        "scm_url": "",
        "scm_branch": "",
        "scm_revision": "",
        "scm_update_on_launch": False,
        "scm_update_cache_timeout": 0,
    },
    "credential_types": {"description": "", "kind": "", "managed": False, "inputs": {}, "injectors": {}},
    "credentials": {"description": "", "organization": None, "credential_type": None, "inputs": {}},
    "inventories": {"description": "", "organization": None, "kind": "", "host_filter": None},
    "inventory_sources": {
        "description": "",
        "inventory": None,
        "source": "",
        "source_path": "",
        "source_project": None,
        "overwrite": False,
        "overwrite_vars": False,
        "update_on_launch": False,
    },
    "notification_templates": {
        "description": "",
        "organization": None,
        "notification_type": "",
        "notification_configuration": {},
        "messages": None,
    },
    "job_templates": {
        "description": "",
        "organization": None,
        "job_type": "run",
        "inventory": None,
        "project": None,
        "execution_environment": None,
        "playbook": "",
        "forks": 0,
        "diff_mode": False,
        "survey_enabled": False,
        "ask_limit_on_launch": False,
        "ask_job_type_on_launch": False,
        "ask_diff_mode_on_launch": False,
    },
    "schedules": {"description": "", "unified_job_template": None, "rrule": "", "enabled": True},
}
"""The fields of each kind of object that the playbook sets, with the values that AWX gives them by itself."""
REFERENCES = {
    "organization": "organizations",
    "project": "projects",
    "source_project": "projects",
    "inventory": "inventories",
    "credential_type": "credential_types",
    "execution_environment": "execution_environments",
    "unified_job_template": "job_templates",
}
ASSOCIATIONS = {"credentials": "credentials", "notification_templates_error": "notification_templates"}
WEBHOOK = {"http_method": "POST", "disable_ssl_verification": False, "username": "", "password": "", "headers": {}}
"""What AWX adds to the configuration of a webhook (awx/main/notifications/webhook_backend.py)."""
RRULE = re.compile(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=[A-Z]+;INTERVAL=\d+(;.*)?")


class Controller:
    """The objects by kind and id, and a record of the requests that change something: method, path and data."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, Object]] = {kind: {} for kind in FIELDS}
        self.surveys: dict[int, Object] = {}
        self.associated: dict[tuple[int, str], list[int]] = {}
        self.writes: list[tuple[str, str, Object]] = []
        self.url = ""
        self._last = 0
        self._create("organizations", {"name": "Default"})
        self._create("execution_environments", {"name": "Telepresence", "image": "registry.example.com/telepresence:1"})

    def named(self, kind: str, name: str) -> Object:
        """The one object of this kind and name."""
        (found,) = [one for one in self.objects[kind].values() if one["name"] == name]
        return found

    def answer(self, method: str, path: str, query: dict[str, str], data: Object) -> tuple[int, Object]:
        """Status and body for a request. Raises Refused."""
        parts = path.removeprefix("/api/v2/").strip("/").split("/")
        if method == "GET":
            return 200, self._read(parts, query)
        self.writes.append((method, path, data))
        return self._written(method, parts, data)

    def _read(self, parts: list[str], query: dict[str, str]) -> Object:
        match parts:
            case ["unified_job_templates"]:
                return self._listed(self.objects["job_templates"].values(), query)
            case ["project_updates", _]:
                return {"status": "successful"}
            case [kind] if kind in FIELDS:
                return self._listed(self.objects[kind].values(), query)
            case ["job_templates", number, "survey_spec"]:
                return self.surveys.get(int(number), {})
            case ["job_templates", number, what] if what in ASSOCIATIONS:
                ids = self.associated.get((int(number), what), [])
                return self._listed([self.objects[ASSOCIATIONS[what]][one] for one in ids], {})
        raise Refused(404, {"detail": f"Nothing is scripted for {parts}."})

    def _written(self, method: str, parts: list[str], data: Object) -> tuple[int, Object]:
        match method, parts:
            case "POST", [kind] if kind in FIELDS:
                return 201, self._shown(kind, self._create(kind, data))
            case "PATCH", [kind, number] if kind in FIELDS:
                return 200, self._shown(kind, self._change(kind, int(number), data))
            case "POST", ["job_templates", number, "survey_spec"]:
                self.surveys[int(number)] = checked_survey(data)
                return 200, {}
            case "POST", ["job_templates", number, what] if what in ASSOCIATIONS:
                self._refer(ASSOCIATIONS[what], data["id"])
                self.associated.setdefault((int(number), what), []).append(data["id"])
                return 204, {}
        raise Refused(404, {"detail": f"Nothing is scripted for {method} {parts}."})

    def _create(self, kind: str, data: Object) -> Object:
        if not data.get("name"):
            raise Refused(400, {"name": ["This field may not be blank."]})
        self._last += 1
        url = f"/api/v2/{kind}/{self._last}/"
        new = {**FIELDS[kind], "id": self._last, "type": kind.removesuffix("s"), "url": url, "name": ""}
        self.objects[kind][self._last] = new
        return self._change(kind, self._last, data)

    def _change(self, kind: str, number: int, data: Object) -> Object:
        changed = self.objects[kind][number]
        for field, value in data.items():
            if field != "name" and field not in FIELDS[kind]:
                raise Refused(400, {field: ["The scripted controller knows no such field."]})
            if field in REFERENCES:
                self._refer(REFERENCES[field], value)
        if "notification_configuration" in data:
            data = {**data, "notification_configuration": {**WEBHOOK, **data["notification_configuration"]}}
        if "rrule" in data and not RRULE.fullmatch(data["rrule"]):
            raise Refused(400, {"rrule": ["DTSTART and INTERVAL required in rrule."]})
        changed.update(data)
        return changed

    def _refer(self, kind: str, number: int) -> None:
        if number not in self.objects[kind]:
            raise Refused(400, {"__all__": [f"There is no object {number} among {kind}."]})

    def _shown(self, kind: str, one: Object) -> Object:
        """An object as AWX shows it: secrets hidden, with links and what belongs to it."""
        shown = {**one, "related": {}, "summary_fields": {}}
        if kind == "job_templates":
            shown["related"]["survey_spec"] = f"{one['url']}survey_spec/"
        if kind == "projects":
            shown["summary_fields"]["current_update"] = {"id": one["id"]}
        if kind == "credentials":
            fields = self.objects["credential_types"][one["credential_type"]]["inputs"]["fields"]
            secret = {field["id"] for field in fields if field.get("secret")}
            shown["inputs"] = {name: ENCRYPTED if name in secret else value for name, value in one["inputs"].items()}
        if kind == "notification_templates" and one["notification_configuration"]["password"]:
            shown["notification_configuration"] = {**one["notification_configuration"], "password": ENCRYPTED}
        return shown

    def _listed(self, found: Any, query: dict[str, str]) -> Object:
        kept = [one for one in found if all(str(one[field]) == value for field, value in query.items())]
        kinds = {one["id"]: one["url"].split("/")[3] for one in kept}
        return {"count": len(kept), "next": None, "results": [self._shown(kinds[one["id"]], one) for one in kept]}


@contextmanager
def serving() -> Iterator[Controller]:
    """A controller that listens on a free port of 127.0.0.1, its address in ``url``."""
    controller = Controller()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        do_POST = do_PATCH = do_GET

        def _serve(self) -> None:
            data = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            address = urlsplit(self.path)
            try:
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise Refused(401, {"detail": "Authentication credentials were not provided."})
                code, body = controller.answer(self.command, address.path, dict(parse_qsl(address.query)), data)
            except Refused as refused:
                code, body = refused.code, refused.body
            content = b"" if code == 204 else json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", "24.6.1")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the library)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    controller.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield controller
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
