"""What Masakari's API answers, good and bad, held against docs/openapi.yaml one by one.

What is drawn at random hardly ever names what is there: here each operation gives a good answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
import requests
import schemathesis
import yaml

from doctor_daemon.api.keystone_gate import KeystoneGate
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.incident import Held, Incident, IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.inspectors.masakari_notice import key_of, name_id, read_notification
from doctor_daemon.inspectors.masakari_views import host_id, segment_id
from doctor_daemon.inspectors.wire import Found
from doctor_daemon.ports import EvidenceRow
from doctor_daemon.ports.surroundings import Surroundings
from tests.api.test_keystone_gate import Keystone
from tests.engine.rig import HOST, OTHER, incident_of, server
from tests.fakes.clock import HandClock
from tests.fuzz.peers import Books
from tests.inspectors.notifications import DOWN, inspector, notification, served
from tests.inspectors.rig import Client, Ledger, Reply, listening, source
from tools.openapi import page
from tools.shapes import MASAKARI, Operation
from tools.surface import OPERATIONS

OURS = [one for one in OPERATIONS if one.room == MASAKARI]
GUARDED = [one for one in OURS if one.versioned]
MOVED = server(1, "p")
PAGE = yaml.safe_load(page())
SCHEMAS = schemathesis.openapi.from_dict(PAGE)


@dataclass
class Kept(Books):
    """What was noted, and the incident that came of it."""

    found: Incident | None = None

    async def incident(self, id_: IncidentId) -> Incident | None:
        return self.found if self.found is not None and self.found.id == id_ else None


def written(one: Operation, reply: Reply) -> bool:
    """Tell whether an answer is one that the page has."""
    if str(reply.status) not in PAGE["paths"][one.path][one.method.lower()]["responses"]:
        return False
    request = requests.Request(one.method, f"http://daemon.test{one.path}").prepare()
    headers = {name: [value] for name, value in reply.headers.items()}
    found = schemathesis.Response(
        reply.status, headers, reply.text.encode(), request, 0.0, verify=False
    )
    return bool(SCHEMAS[one.path][one.method].is_valid_response(found))


async def an_incident() -> Incident:
    """Return one with a server that was moved, held for a while."""
    async with served() as desk:
        await desk.post()
        found = incident_of(desk.engine)
    at = found.opened_at
    moved = Evacuation(MOVED, Stage.MOVED, at, sent_at=at, to="cmp-2")
    held = Held("maintenance", "ann has it", "end it")
    return replace(found, phase=Phase.HELD, held=held, evacuations={MOVED.id: moved})


@dataclass
class Scene:
    """A source of which each operation has something to show."""

    incident: Incident

    def __post_init__(self) -> None:
        self.ledger, self.inspector = Ledger(), inspector()
        sent = read_notification(Found(notification(self.ledger.now().wall_s - 1.0)))
        key = key_of("masakari", HOST, sent)
        now, id_ = self.ledger.now(), self.incident.id
        row = EvidenceRow(key, HOST, "masakari", "COMPUTE_HOST", Verdict.DOWN, "", now, id_)
        books = Kept([row], self.incident)
        self.inspector.place(Surroundings(hosts=(HOST, OTHER), records=books))
        self.places = {
            "id": name_id(key),
            "move": name_id(f"vmove/{id_}/{MOVED.id}"),
            "segment": segment_id(HOST.cloud),
            "host": host_id(HOST),
        }

    async def ask(
        self, client: Client, one: Operation, body: object = None, **headers: str
    ) -> Reply:
        """Ask for what is there."""
        told = notification(self.ledger.now().wall_s, DOWN) if one.method == "POST" else None
        path = one.path.format(**self.places)
        return await client.send(path, told if body is None else body, one.method, **headers)


@pytest.fixture
async def scene() -> Scene:
    return Scene(await an_incident())


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
async def test_each_good_answer_is_as_the_page_has_it(scene: Scene, version: str) -> None:
    async with listening(scene.ledger, source(scene.inspector)) as client:
        for one in OURS:
            headers = {"OpenStack_API_Version": f"instance-ha {version}"}
            reply = await scene.ask(client, one, **headers)
            assert reply.status == one.good, (one, reply.text)
            assert written(one, reply), (one, reply.text)
            assert one.versioned is ("OpenStack-API-Version" in reply.headers)


async def test_an_answer_that_lacks_a_member_or_has_another_is_not_as_the_page_has_it(
    scene: Scene,
) -> None:
    """The control: the page leaves nothing of an answer open."""
    async with listening(scene.ledger, source(scene.inspector)) as client:
        for one in OURS:
            reply = await scene.ask(client, one)
            assert written(one, reply)
            ((name, shown),) = reply.json.items()
            first = shown[0] if isinstance(shown, list) else shown
            for other in ({**first, "more": 1}, dict([*first.items()][1:])):
                told = json.dumps({name: [other] if isinstance(shown, list) else other})
                assert not written(one, Reply(reply.status, reply.headers, told)), told
            assert not written(one, Reply(418, reply.headers, reply.text))


@pytest.mark.parametrize(("token", "status"), [("", 401), ("made up", 401), ("tenant", 403)])
async def test_e1_who_has_no_right_is_refused_each_operation_but_the_versions(
    scene: Scene, token: str, status: int
) -> None:
    gate = KeystoneGate(("service",), Keystone(), HandClock())
    async with listening(scene.ledger, source(scene.inspector, gate)) as client:
        for one in OURS:
            reply = await scene.ask(client, one, **({"X_Auth_Token": token} if token else {}))
            assert reply.status == (status if one.versioned else 200), (one, reply.text)
            assert written(one, reply), (one, reply.text)
    assert scene.ledger.taken == []


async def test_each_fault_is_as_the_page_has_it(scene: Scene) -> None:
    async with listening(scene.ledger, source(scene.inspector)) as client:
        for one in GUARDED:
            for version, status in (("1.9", 406), ("x", 400)):
                headers = {"OpenStack_API_Version": f"instance-ha {version}"}
                reply = await scene.ask(client, one, **headers)
                assert reply.status == status
                assert written(one, reply), (one, reply.text)
            reply = await scene.ask(client, one, b"x", Content_Encoding="gzip")
            assert reply.status == 415
            assert written(one, reply), (one, reply.text)
        scene.places = dict.fromkeys(scene.places, "nobody")
        for one in (one for one in GUARDED if "{" in one.path):
            reply = await scene.ask(client, one)
            assert (reply.status, [*reply.json]) == (404, ["itemNotFound"])
            assert written(one, reply), (one, reply.text)


async def test_each_fault_of_a_notification_is_as_the_page_has_it(scene: Scene) -> None:
    (told,) = [one for one in OURS if one.method == "POST"]
    async with listening(scene.ledger, source(scene.inspector)) as client:
        assert (await scene.ask(client, told)).status == 202
        replies = [
            (409, await scene.ask(client, told)),
            (415, await scene.ask(client, told, Content_Type="text/plain")),
            (400, await scene.ask(client, told, {})),
            (400, await scene.ask(client, told, b"\xff")),
        ]
    for status, reply in replies:
        assert reply.status == status
        assert written(told, reply), reply.text


async def test_e8_while_nothing_can_be_looked_up_that_is_as_the_page_has_it(scene: Scene) -> None:
    scene.inspector.place(Surroundings())
    async with listening(scene.ledger, source(scene.inspector)) as client:
        for one in (one for one in GUARDED if "/notifications" in one.path):
            if one.method == "GET":
                reply = await scene.ask(client, one)
                assert reply.status == 503
                assert written(one, reply), (one, reply.text)
