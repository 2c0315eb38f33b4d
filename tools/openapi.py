"""Write docs/openapi.yaml, what is served over HTTP: `python -m tools.openapi` (make docs)."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from pathlib import Path

import yaml

from tools.surface import JSON, METRICS, OPERATIONS, Operation, members

PAGE = Path("docs", "openapi.yaml")
HEADER = "# Made by tools/openapi.py (make docs).\n"
ROOMS = {
    "evidence": "Evidence, on `listen`: each source on its own paths, by its own `auth`.",
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
            "description": "Sources of type `masakari` serve Masakari's API besides, and a "
            "source's `path` moves its paths.",
        },
        "tags": [{"name": name, "description": text} for name, text in ROOMS.items()],
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "responses": {"Refused": refused()},
        },
    }


def refused() -> dict[str, object]:
    """Return the one form of all that goes wrong."""
    schema = {"$ref": "#/components/schemas/Error"}
    return {
        "description": "What is wrong, and what is expected.",
        "content": {JSON: {"schema": schema}},
    }


def operation(one: Operation) -> dict[str, object]:
    """Return one method of one path."""
    schema: dict[str, object] = {"type": "object"} if one.kind == JSON else {"type": "string"}
    good = {"description": "Done, or told.", "content": {one.kind: {"schema": schema}}}
    answers: dict[str, object] = {"200": good}
    for status in one.errors:
        answers[str(status)] = {"$ref": "#/components/responses/Refused"}
    if one.room == METRICS and one.path != "/metrics":
        answers["503"] = {
            "description": HTTPStatus(503).phrase,
            "content": {one.kind: {"schema": schema}},
        }
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", one.path)
    ]
    asked = [{"name": name, "in": "query", "schema": of} for name, of in one.query.items()]
    made: dict[str, object] = {"tags": [one.room], "summary": one.summary}
    if named or asked:
        made["parameters"] = [*named, *asked]
    if one.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": one.body}}}
    return {**made, "responses": answers}


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
