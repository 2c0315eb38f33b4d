"""What is served over HTTP, as a table: who is asked, by which method and path, with what body.

From it docs/openapi.yaml is made. A test holds it against the routes that the code really has, and
another has a real daemon asked by it.
"""

from __future__ import annotations

from doctor_daemon.api.audit import LINES_MAX, NUMBER_MAX
from doctor_daemon.api.bodies import SECONDS_MAX, WHY_MAX
from doctor_daemon.core.messages import Order
from doctor_daemon.engine.masskeeper import COUNT_MAX
from doctor_daemon.ports.states import STATES_MAX
from tools import masakari
from tools.shapes import (
    EVIDENCE,
    JSON,
    METRICS,
    OPERATORS,
    TEXT,
    Operation,
    Schema,
    members,
    moment,
    one_of,
    some,
    text,
)

SOURCES = (400, 401, 403, 408, 409, 413, 415, 422, 429, 503)
"""What a source may hear instead: the listener's refusals, and the format's own."""
ASKED = (400, 403, 404, 408, 409, 413, 422, 503)
"""What an operator may hear instead."""

why: Schema = {"type": "string", "minLength": 1, "maxLength": WHY_MAX, "pattern": r"\S"}
seconds: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": SECONDS_MAX}

ALERT = members(
    ("labels", "status", "fingerprint", "startsAt"),
    more=True,
    labels={"type": "object", "additionalProperties": {"type": "string"}},
    annotations={"type": "object", "additionalProperties": {"type": "string"}},
    status=one_of("firing", "resolved"),
    fingerprint={"type": "string", "pattern": "^[0-9A-Za-z]{1,64}$"},
    startsAt=moment,
    endsAt=moment,
)
STATEMENT = members(
    ("host", "verdict", "kind", "observed_at", "summary"),
    host=text,
    verdict=one_of("down", "up", "withdrawn"),
    kind={"type": "string", "minLength": 1, "maxLength": 64},
    observed_at=moment,
    summary={"type": "string"},
    fingerprint={"type": "string", "minLength": 1, "maxLength": 64},
    id={"type": "string", "minLength": 1, "maxLength": 128},
    epoch={"type": "integer", "minimum": 0},
    sequence={"type": "integer", "minimum": 0},
)
EVENT = members(
    ("time", "type", "details"),
    more=True,
    time=text,
    type=text,
    details={"type": "object"},
)
TRAIT: Schema = {"type": "array", "items": {}, "minItems": 3, "maxItems": 3}
ALARM = members(
    ("reason_data",),
    more=True,
    reason_data=members(
        ("event",),
        more=True,
        event=members(("traits",), more=True, traits=some(TRAIT)),
    ),
)
PLANNED = [["state", "string", "IN_MAINTENANCE"], ["host", "string", "compute-1"]]
ANNOUNCED: Schema = {**ALARM, "examples": [{"reason_data": {"event": {"traits": PLANNED}}}]}
ANSWER = members(("server", "answer"), server=text, answer=one_of("go", "handled"))
BODY_OF_CINDER = members(
    ("order", "why"),
    host=text,
    binary=text,
    cluster=text,
    to=text,
    confirm=text,
    prefix=text,
    until=text,
    why=why,
    order=one_of("disable", "enable", "freeze", "thaw", "failover", "set-log"),
    bare={"type": "boolean"},
    enable={"type": "boolean"},
    level=one_of("DEBUG", "INFO", "WARNING", "ERROR"),
)
ORDER = members(
    ("order", "why"),
    order=one_of(*Order),
    why=why,
    host=text,
    for_s=seconds,
    accept_stuck={"type": "array", "items": text, "maxItems": 20},
)
REPLAY = members(
    ("why",), why=why, consumer=text, ids=some({"type": "string", "minLength": 1}, 200)
)
LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 1000}


def evidence(
    path: str, summary: str, body: Schema, kind: str = JSON, method: str = "POST"
) -> Operation:
    """Return what is told by a source."""
    return Operation(EVIDENCE, method, path, summary, body, kind=kind, errors=SOURCES)


def asked(path: str, summary: str, **query: Schema) -> Operation:
    """Return a question of operators."""
    return Operation(OPERATORS, "GET", path, summary, query=query, errors=ASKED)


def ordered(path: str, summary: str, body: Schema) -> Operation:
    """Return an order of operators."""
    return Operation(OPERATORS, "POST", path, summary, body, errors=ASKED)


OPERATIONS: tuple[Operation, ...] = (
    evidence(
        "/v1/alertmanager",
        "Alertmanager's webhook, version 4 (a source of type `alertmanager`)",
        members(
            ("version", "alerts"),
            more=True,
            version=one_of("4"),
            alerts=some(ALERT),
            truncatedAlerts={"type": "integer", "minimum": 0},
        ),
    ),
    evidence(
        "/v1/evidence",
        "Evidence in the daemon's own format (`evidence`)",
        members(("evidence",), evidence=some(STATEMENT)),
    ),
    evidence("/events", "OPNFV Doctor's events (`doctor`)", EVENT, TEXT),
    evidence("/events", "The same, by another method (`doctor`)", EVENT, TEXT, "PUT"),
    evidence("/v1/event", "Vitrage's events (`doctor`)", EVENT, TEXT),
    evidence("/v1/event/", "The same (`doctor`)", EVENT, TEXT),
    evidence(
        "/v1/data-sources/{id}/tables/events/rows",
        "Congress' events, under whatever id (`doctor`)",
        EVENT,
        TEXT,
        "PUT",
    ),
    evidence(
        "/maintenance",
        "Planned maintenance of a host: it is not cut (`doctor`, with `maintenance_s`)",
        ANNOUNCED,
        TEXT,
    ),
    evidence(
        "/v1/answers",
        "A project's words about its servers (`answers`)",
        members(("answers",), answers=some(ANSWER)),
    ),
    *masakari.OPERATIONS,
    asked("/v1/status", "How the daemon stands"),
    ordered("/v1/arm", "Allow the daemon to act", members(("why",), why=why)),
    ordered("/v1/disarm", "Allow it no more", members(("why",), why=why)),
    ordered("/v1/step-down", "Have a daemon lead that stands by", members(("why",), why=why)),
    asked("/v1/incidents", "Incidents, the newest first", host=text, limit=LIMIT),
    asked("/v1/hosts/{host}", "Explain a host"),
    ordered(
        "/v1/hosts/{host}/maintenance",
        "Begin a host's maintenance",
        members(("for_s", "why"), for_s=seconds, why=why),
    ),
    Operation(
        OPERATORS,
        "DELETE",
        "/v1/hosts/{host}/maintenance",
        "End a host's maintenance",
        errors=ASKED,
    ),
    ordered("/v1/hosts/{host}/orders", "Give an order about a host", ORDER),
    asked(
        "/v1/audit",
        "Lines of the audit, and the ends of its chain",
        after={"type": "integer", "minimum": 0, "maximum": NUMBER_MAX},
        limit={"type": "integer", "minimum": 1, "maximum": LINES_MAX},
    ),
    asked(
        "/v1/notices",
        "Notices to consumers",
        state=one_of("pending", "delivered", "dead"),
        consumer=text,
        limit=LIMIT,
    ),
    ordered("/v1/notices/replay", "Have notices told again", REPLAY),
    asked(
        "/v1/servers",
        "How servers and their hosts stand, a page",
        host=text,
        project=text,
        marker=text,
        limit={"type": "integer", "minimum": 1, "maximum": STATES_MAX},
    ),
    ordered(
        "/v1/release-hosts",
        "Let some hosts be cut although many look dead",
        members(
            ("count", "for_s", "why"),
            count={"type": "integer", "minimum": 1, "maximum": COUNT_MAX},
            for_s=seconds,
            why=why,
        ),
    ),
    asked("/v1/probes", "How the probes of power devices ended", host=text),
    ordered("/v1/probes", "Have power devices probed now", members((), host=text)),
    asked("/v1/cinder/services", "Cinder's services", host=text, binary=text),
    asked("/v1/cinder/log-levels", "Their log levels", host=text, binary=text, prefix=text),
    ordered("/v1/cinder/orders", "Give an order about Cinder", BODY_OF_CINDER),
    asked("/v1/cinder/orders/{number}", "How an order stands"),
    ordered(
        "/v1/cinder/dismissals",
        "Say that a task about Cinder is seen to",
        members(("service", "why"), service=text, why=why),
    ),
    Operation(METRICS, "GET", "/metrics", "Metrics, for Prometheus", kind=TEXT),
    Operation(METRICS, "GET", "/healthz", "Whether the daemon makes progress", kind=TEXT),
    Operation(METRICS, "GET", "/readyz", "Whether it lets evidence in", kind=TEXT),
)
