"""Write docs/openapi.yaml, what is served over HTTP: `python -m tools.openapi` (make docs)."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from pathlib import Path

import yaml

from doctor_daemon.inspectors.masakari_versions import HEADER as VERSION
from doctor_daemon.inspectors.masakari_versions import HIGHEST, SERVICE, Fault
from doctor_daemon.inspectors.masakari_versions import text as spelt
from doctor_daemon.ports.refusal import Refusal
from tools.masakari_shapes import SCHEMAS
from tools.shapes import JSON, METRICS, Operation, Schema, members, whole
from tools.surface import OPERATIONS

PAGE = Path("docs", "openapi.yaml")
HEADER = "# Made by tools/openapi.py (make docs).\n"
ROOMS = {
    "evidence": "Evidence, on `listen`: each source on its own paths, by its own `auth`.",
    "masakari": "Masakari's API, on `listen`: each source of type `masakari`, by its own "
    "`auth`. What the listener refuses has the daemon's own form; what the API does, Masakari's.",
    "operators": "Operators, on the Unix socket `operators.socket`: the kernel says who asks.",
    "metrics": "What Prometheus and a load balancer ask, on `metrics_listen`.",
}
ERROR = members(
    ("error",),
    error=members(
        ("code", "field", "message", "expected"),
        code={"type": "string"},
        field={"type": "string", "description": "A path into the body, as alerts[0].startsAt."},
        message={"type": "string"},
        expected={"type": "string"},
        details={"type": "array", "items": {"type": "object"}},
    ),
)
OURS: Schema = {"$ref": "#/components/schemas/Error"}
FAULTS = (400, 404, 406, 409, 415, 503)
"""What Masakari's API refuses in Masakari's form."""
AGREED: Schema = {"type": "string", "examples": [f"{SERVICE} {spelt(HIGHEST)}"]}
"""The header of a microversion."""


def document() -> dict[str, object]:
    """Return all of it."""
    paths: dict[str, dict[str, object]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "doctor-daemon",
            "version": "1",
            "description": "A source's `path` moves its paths.",
        },
        "tags": [{"name": name, "description": text} for name, text in ROOMS.items()],
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR, **SCHEMAS},
            "responses": {
                "Refused": refused(OURS),
                **{f"Fault{status}": refused(faulty(status)) for status in FAULTS},
            },
        },
    }


def refused(schema: Schema) -> dict[str, object]:
    """Return the one form of all that goes wrong, or another."""
    return {
        "description": "What is wrong, and what is expected.",
        "content": {JSON: {"schema": schema}},
    }


def faulty(status: int) -> Schema:
    """Return either form: Masakari's has a name for each status."""
    (name,) = Fault(Refusal(status, "", "")).body()
    said = whole(code={"const": status}, message={"type": "string"})
    return {"anyOf": [OURS, whole(**{name: said})]}


def operation(one: Operation) -> dict[str, object]:
    """Return one method of one path."""
    plain: Schema = {"type": "object"} if one.kind == JSON else {"type": "string"}
    schema = one.answer or plain
    good: dict[str, object] = {"description": "Done, or told."}
    if one.versioned:
        good["headers"] = {VERSION: {"schema": AGREED}}
    answers: dict[str, object] = {
        str(one.good): {**good, "content": {one.kind: {"schema": schema}}}
    }
    for status in one.errors:
        form = f"Fault{status}" if one.versioned and status in FAULTS else "Refused"
        answers[str(status)] = {"$ref": f"#/components/responses/{form}"}
    if one.room == METRICS and one.path != "/metrics":
        answers["503"] = {
            "description": HTTPStatus(503).phrase,
            "content": {one.kind: {"schema": schema}},
        }
    made: dict[str, object] = {"tags": [one.room], "summary": one.summary}
    if asked := parameters(one):
        made["parameters"] = asked
    if one.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": one.body}}}
    return {**made, "responses": answers}


def parameters(one: Operation) -> list[dict[str, object]]:
    """Return what is chosen in the path, in the query and by headers."""
    found: list[dict[str, object]] = []
    for name in re.findall(r"{(\w+)}", one.path):
        schema: dict[str, object] = {"type": "string", "minLength": 1}
        if name in one.places:
            schema["examples"] = [one.places[name]]
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    found += [{"name": name, "in": "query", "schema": of} for name, of in one.query.items()]
    if one.versioned:
        found.append({"name": VERSION, "in": "header", "schema": AGREED})
    return found


class _Plain(yaml.SafeDumper):
    """YAML without anchors: whoever reads it wants it whole."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's own
        return True


def page() -> str:
    """Return the page."""
    return HEADER + yaml.dump(document(), Dumper=_Plain, sort_keys=False, width=100)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
