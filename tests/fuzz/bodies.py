"""Bodies of HTTP requests: what sources are told, and what operators send.

Each goes through the very handler that the listener calls. Whatever is sent, the handler answers,
or raises a refusal; what is taken is fit to be stored, and is about a host of the inventory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast
from urllib.parse import quote

from doctor_daemon.api.bodies import read_body, read_seconds, read_stuck, read_why
from doctor_daemon.api.cinder import CinderApi
from doctor_daemon.api.states import States
from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.volumes import VolumeOrders
from doctor_daemon.errors import Permanent
from doctor_daemon.inspectors.alertmanager import Alertmanager
from doctor_daemon.inspectors.answers import Answers
from doctor_daemon.inspectors.doctor import Doctor
from doctor_daemon.inspectors.evidence import EvidenceApi
from doctor_daemon.inspectors.masakari import Masakari
from doctor_daemon.inspectors.masakari_notice import noted
from doctor_daemon.ports import EvidenceRow, Inspector
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.surroundings import Surroundings
from doctor_daemon.ports.windows import Windows
from tests.fuzz.peers import Books, Doors, Everybody, Orders
from tests.fuzz.requests import answered, brief, done, handler_of, judge_refusal, request
from tests.inspectors.rig import Ledger, terms

GATE = Everybody()


def judge(evidence: Evidence) -> None:
    """Assert that evidence is fit to be stored, logged and shown."""
    assert evidence.host.name in ("cmp-1", "cmp-2")
    for text in (evidence.key, evidence.fingerprint, evidence.kind, evidence.summary):
        assert text.isprintable()
        assert len(text) <= 1000
    assert evidence.verdict in Verdict


def told(make: Callable[[], Inspector], path: str, data: bytes, method: str = "POST") -> None:
    """Tell an inspector something."""
    ledger, inspector = Ledger(), make()
    handler = handler_of(inspector.routes(ledger, GATE), path, method)
    if answered(handler, request(data, method=method)) is None:
        assert ledger.taken == []
    for evidence in ledger.taken:
        judge(evidence)


def alertmanager(data: bytes) -> None:
    """Alertmanager's webhook."""
    told(lambda: Alertmanager(Alertmanager.Config(), terms("am")), "/v1/alertmanager", data)


def evidence(data: bytes) -> None:
    """Our own format."""
    told(lambda: EvidenceApi(EvidenceApi.Config(), terms("own")), "/v1/evidence", data)


def answers(data: bytes) -> None:
    """Projects' words about their servers."""
    config = Answers.Config(projects="all")
    told(lambda: Answers(config, terms("answers")), "/v1/answers", data)


def doctor(data: bytes) -> None:
    """OPNFV Doctor's events, and Vitrage's."""

    def make() -> Inspector:
        return Doctor(Doctor.Config(), terms("doctor", Trust.OPEN))

    told(make, "/events", data)
    told(make, "/v1/event", data)


def maintenance(data: bytes) -> None:
    """Alarms that announce maintenance."""
    config, doors = Doctor.Config(maintenance_s=3600), Doors()

    def make() -> Inspector:
        made = Doctor(config, terms("doctor"))
        made.place(Surroundings(windows=cast("Windows", doors)))
        return made

    told(make, "/maintenance", data)
    assert {host.name for host in doors.open} <= {"cmp-1", "cmp-2"}


def masakari(data: bytes) -> None:
    """Masakari's notifications; what is kept of one can be told again."""
    books, ledger = Books(), Ledger()
    inspector = Masakari(Masakari.Config(), terms("masakari"))
    inspector.place(Surroundings(records=books))
    handler = handler_of(inspector.routes(ledger, GATE), "/v1/notifications")
    taken = answered(handler, request(data))
    for one in ledger.taken:
        judge(one)
        row = EvidenceRow(
            one.key, one.host, one.source, "k", one.verdict, one.summary, one.received_at, None
        )
        assert noted(row) is not None
    assert all(noted(row) is not None for row in books.rows)
    assert taken is None or books.rows or ledger.taken


def _query(data: bytes) -> str:
    """Return a query of a URL: what may not stand there as it is, is spelt out."""
    text = data.decode("latin-1").replace("\r", "").replace("\n", "")
    return "".join(one if one.isascii() and one.isprintable() else quote(one) for one in text)


def masakari_lists(data: bytes) -> None:
    """What Masakari's clients ask for: lists, by page, order and filter."""
    ledger, books = Ledger(), Books()
    inspector = Masakari(Masakari.Config(), terms("masakari"))
    host = HostId("default", "cmp-1")
    inspector.place(Surroundings(hosts=(host,), records=books))
    routes = inspector.routes(ledger, GATE)
    for number, generated in enumerate(("2027-01-15T08:00:00", "2027-01-15T08:00:01")):
        said = ["VM", "default", "cmp-1", generated, {"event": "LIFECYCLE"}]
        key = f"masakari|{json.dumps(said)}"
        now = ledger.now().plus(number)
        books.rows.append(EvidenceRow(key, host, "masakari", "VM", "noted", "", now, None))
    for path, name in (("/v1/notifications", "notifications"), ("/v1/segments", "segments")):
        asked = request(method="GET", path=f"{path}?{_query(data)}")
        answer = answered(handler_of(routes, path, "GET"), asked)
        if answer is not None:
            assert isinstance(answer.text, str)
            assert len(json.loads(answer.text)[name]) <= 2


def orders(data: bytes) -> None:
    """What operators send, field by field."""

    async def read() -> None:
        fields = ("why", "for_s", "order", "accept_stuck")
        body = await read_body(request(data), *fields)
        why = read_why(body)
        assert 0 < len(why) <= 500
        assert len(why.splitlines()) == 1
        assert read_seconds(body, "for_s") > 0
        for stuck in read_stuck(body):
            assert read_stuck({"accept_stuck": [str(stuck)]}) == (stuck,)

    try:
        done(read())
    except Refusal as refusal:
        judge_refusal(refusal)


def cinder_orders(data: bytes) -> None:
    """Operators' orders about Cinder."""
    taken = Orders()
    routes = CinderApi(cast("VolumeOrders", taken), wait_s=0.0).routes()
    for path in ("/v1/cinder/orders", "/v1/cinder/dismissals"):
        answered(handler_of(routes, path), request(data))


def queries(data: bytes) -> None:
    """What is asked by a URL: how servers stand, and one order by its number."""
    query, taken = _query(data), Orders()
    routes = CinderApi(cast("VolumeOrders", taken), wait_s=0.0).routes()
    for path in ("/v1/cinder/services", "/v1/cinder/log-levels"):
        asked = request(method="GET", path=f"{path}?{query}")
        answered(handler_of(routes, path, "GET"), asked)

    def find(name: str) -> HostId:
        if name == "cmp-1":
            return HostId("default", name)
        raise Refusal(404, "unknown_host", "it is not in the configuration", field="host")

    states = States(cast("Operators", taken), find)
    try:
        answered(states.answer, request(method="GET", path=f"/v1/servers?{query}"))
    except Permanent as error:
        brief(error)  # an order is refused in words
