"""What can be read by Masakari's API: versions, notifications, moves, segments, hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.operators import Operators
from doctor_daemon.inspectors.masakari_notice import Notice, Type, read_notification
from doctor_daemon.inspectors.masakari_versions import asked_version
from doctor_daemon.inspectors.masakari_views import move_views, notification_view, status_of
from doctor_daemon.inspectors.wire import Found
from doctor_daemon.ports.refusal import Refusal
from tests.engine.rig import HOST, Rig, incident_of, server
from tests.inspectors.notifications import DOWN, PROCESS, SERVER, UP, Desk, inspector, served
from tests.inspectors.rig import Json, Ledger, listening, source


async def ids(desk: Desk, query: str = "") -> list[str]:
    reply = await desk.get(f"/v1/notifications{query}")
    assert reply.status == 200, reply.text
    return [one["notification_uuid"] for one in reply.json["notifications"]]


async def posted(desk: Desk) -> list[str]:
    """Post five notifications; return their ids, the newest first."""
    found = []
    for number, host in enumerate(("cmp-1", "cmp-2")):
        reply = await desk.post({**DOWN, "host_status": "UNKNOWN"}, 50.0 - number, host)
        found.append(reply.json["notification"]["notification_uuid"])
    for payload, type_ in ((SERVER, "VM"), (PROCESS, "PROCESS")):
        reply = await desk.post(payload, 20.0, type_=type_)
        found.append(reply.json["notification"]["notification_uuid"])
    reply = await desk.post({"event": "STARTED"}, 5.0, "cmp-2")
    found.append(reply.json["notification"]["notification_uuid"])
    return found[::-1]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/"])
async def test_versions_are_told_to_anybody(path: str) -> None:
    async with served() as desk:
        reply = await desk.get(path)
        said = reply.json["versions"][0] if path == "/" else reply.json["version"]
        assert (reply.status, said["status"]) == (200, "CURRENT")
        assert (said["min_version"], said["version"]) == ("1.0", "1.3")
        assert said["links"][0]["href"] == desk.client.url("/v1/")


async def test_e3_a_link_is_not_made_of_whatever_a_client_calls_us() -> None:
    async with served() as desk:
        reply = await desk.client.send("/v1/", method="GET", Host='x"<y>')
        assert reply.json["version"]["links"][0]["href"] == "/v1/"


async def test_a_path_of_its_own_stands_before_everything() -> None:
    async with listening(Ledger(), source(inspector(path="/ha"))) as client:
        reply = await client.send("/ha/v1/", method="GET")
        assert reply.json["version"]["links"][0]["href"] == client.url("/ha/v1/")
        assert (await client.send("/v1/", method="GET")).status == 404


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("instance-ha 1.2", "1.2"),
        ("compute 2.95, instance-ha 1.1", "1.1"),
        ("instance-ha latest", "1.3"),
        ("compute 2.95", "1.0"),
    ],
)
async def test_a_microversion_is_agreed_upon(asked: str, given: str) -> None:
    async with served() as desk:
        reply = await desk.client.send("/v1/segments", method="GET", OpenStack_API_Version=asked)
        assert reply.headers["OpenStack-API-Version"] == f"instance-ha {given}"
        assert reply.headers["Vary"] == "OpenStack-API-Version"
        assert ("enabled" in reply.json["segments"][0]) is (given >= "1.2")


@pytest.mark.parametrize(("word", "status"), [("1.4", 406), ("2.0", 406), ("x", 400), ("1", 400)])
async def test_another_microversion_is_refused(word: str, status: int) -> None:
    async with served() as desk:
        reply = await desk.get("/v1/segments", word)
        assert reply.status == status
        assert "1.0 to 1.3" in reply.text


async def test_notifications_are_listed_the_newest_first_and_page_by_page() -> None:
    async with served() as desk:
        all_ = await posted(desk)
        assert await ids(desk) == all_
        assert await ids(desk, "?sort_dir=asc") == all_[::-1]
        assert await ids(desk, "?limit=2") == all_[:2]
        assert await ids(desk, f"?limit=2&marker={all_[1]}") == all_[2:4]
        listed = (await desk.get("/v1/notifications")).json["notifications"]
        assert await ids(desk, f"?marker={listed[3]['id']}") == all_[4:]
        assert await ids(desk, f"?marker={all_[-1]}") == []


async def test_notifications_are_filtered() -> None:
    async with served() as desk:
        started, process, vm, second, first = await posted(desk)
        assert await ids(desk, "?type=VM") == [vm]
        assert await ids(desk, "?type=COMPUTE_HOST") == [started, second, first]
        assert await ids(desk, "?status=ignored&type=PROCESS") == [process]
        assert await ids(desk, "?status=new") == [first]
        host = (await desk.get(f"/v1/notifications/{first}")).json["notification"]
        of_host = await ids(desk, f"?source_host_uuid={host['source_host_uuid']}")
        assert of_host == [process, vm, first]
        since = (await desk.get(f"/v1/notifications/{vm}")).json["notification"]["generated_time"]
        assert await ids(desk, f"?generated-since={since}") == [started, process, vm]


@pytest.mark.parametrize(
    "query", ["?limit=x", "?limit=-1", "?marker=nobody", "?sort_dir=up", "?generated-since=now"]
)
async def test_a_wrong_query_is_a_bad_request(query: str) -> None:
    async with served() as desk:
        reply = await desk.get(f"/v1/notifications{query}")
        assert (reply.status, list(reply.json)) == (400, ["badRequest"])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/notifications/nobody",
        "/v1/notifications/nobody/vmoves",
        "/v1/segments/nobody",
        "/v1/segments/nobody/hosts",
    ],
)
async def test_what_is_not_there_is_not_found(path: str) -> None:
    async with served() as desk:
        reply = await desk.get(path)
        assert (reply.status, list(reply.json)) == (404, ["itemNotFound"])


async def test_segments_and_hosts_are_those_of_the_configuration() -> None:
    async with served() as desk:
        await Operators(desk.engine).maintain(HOST, "ann", "disks", 600.0)
        (segment,) = (await desk.get("/v1/segments", "1.2")).json["segments"]
        one = (await desk.get(f"/v1/segments/{segment['uuid']}", "1.2")).json["segment"]
        assert one == segment
        path = f"/v1/segments/{segment['uuid']}/hosts"
        hosts = (await desk.get(path)).json["hosts"]
        assert {host["name"]: host["on_maintenance"] for host in hosts} == {
            "cmp-1": True,
            "cmp-2": False,
        }
        (kept,) = (await desk.get(f"{path}?on_maintenance=true")).json["hosts"]
        assert (await desk.get(f"{path}/{kept['uuid']}")).json["host"] == kept
        assert (await desk.get(f"{path}/nobody")).status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/segments"), ("DELETE", "/v1/notifications/x")]
)
async def test_nothing_else_can_be_changed(method: str, path: str) -> None:
    async with served() as desk:
        assert (await desk.client.send(path, {}, method)).status == 405


NOTICE = Notice("k", Type.COMPUTE_HOST, HOST, "2026-11-21 10:00:00", DOWN, 0.0, None)


async def an_incident() -> Incident:
    async with served(Rig()) as desk:
        await desk.post()
        return incident_of(desk.engine)


async def test_e8_a_status_is_that_of_the_incident() -> None:
    incident = await an_incident()
    at = incident.opened_at
    failed = {server(1, "p").id: Evacuation(server(1, "p"), Stage.FAILED, at, why="no host")}
    held = Held("maintenance", "ann has it", "end it")
    cases = [
        (incident, "new"),
        (replace(incident, phase=Phase.FENCING), "running"),
        (replace(incident, phase=Phase.EVACUATING), "running"),
        (replace(incident, phase=Phase.HELD, held=held), "error"),
        (replace(incident, phase=Phase.DOWN), "finished"),
        (replace(incident, phase=Phase.DOWN, evacuations=failed), "failed"),
        (replace(incident, phase=Phase.RESOLVED), "finished"),
        (replace(incident, phase=Phase.DISMISSED), "ignored"),
    ]
    assert [status_of(NOTICE, one) for one, _ in cases] == [status for _, status in cases]
    assert status_of(replace(NOTICE, payload=UP), incident) == "finished"
    shown = notification_view(NOTICE, cases[3][0], (1, 1))
    assert shown["message"] == "ann has it"
    (details,) = shown["recovery_workflow_details"]
    assert "masakari says down" in details["progress_details"][0]["message"]
    assert "recovery_workflow_details" not in notification_view(NOTICE, incident, (1, 0))


async def test_moves_of_servers_are_the_evacuations() -> None:
    incident = await an_incident()
    at = incident.opened_at
    stages = [Stage.WAITING, Stage.UNDER_WAY, Stage.MOVED, Stage.SKIPPED, Stage.UNKNOWN]
    moves = {
        server(n, "p").id: Evacuation(server(n, "p"), stage, at, to="cmp-2" if n > 1 else "")
        for n, stage in enumerate(stages, 1)
    }
    shown = move_views(NOTICE, replace(incident, evacuations=moves))
    said = [(one["instance_name"], one["status"], one["dest_host"]) for one in shown]
    assert said == [
        ("vm-1", "pending", None),
        ("vm-2", "ongoing", "cmp-2"),
        ("vm-3", "succeeded", "cmp-2"),
        ("vm-4", "ignored", "cmp-2"),
        ("vm-5", "failed", "cmp-2"),
    ]
    assert [one["end_time"] is not None for one in shown] == [False, False, True, True, True]
    assert {one["source_host"] for one in shown} == {"cmp-1"}


async def test_moves_are_served_below_their_notification() -> None:
    async with served() as desk:
        id_ = (await desk.post()).json["notification"]["notification_uuid"]
        assert (await desk.get(f"/v1/notifications/{id_}/vmoves")).json == {"vmoves": []}
        assert (await desk.get(f"/v1/notifications/{id_}/vmoves/nobody")).status == 404


WORD = st.text(max_size=9) | st.sampled_from(["STARTED", "STOPPED", "NORMAL", "ONLINE"])
PAYLOAD = st.dictionaries(
    st.sampled_from(["event", "host_status", "cluster_status", "process_name", "x"]),
    WORD | st.integers() | st.none(),
)
SENT = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["COMPUTE_HOST", "VM", "PROCESS", "X"]) | st.none(),
        "hostname": WORD,
        "generated_time": st.sampled_from(["2026-11-21T10:00:00", "2026-11-21 10:00", "x"]),
        "payload": PAYLOAD | WORD,
    },
)


@settings(max_examples=200)
@given(st.fixed_dictionaries({"notification": SENT}) | SENT | st.lists(WORD))
def test_any_notification_is_read_or_refused(body: Json) -> None:
    try:
        sent = read_notification(Found(body))
    except Refusal as refusal:
        status = refusal.status
    else:
        status = 200
        assert all(isinstance(word, str) for word in sent.payload.values())
        assert sent.payload["event"]
    assert status in (200, 400)


class Asked:
    """A request that has a header of microversions."""

    def __init__(self, *values: str) -> None:
        self.headers = self
        self.values = values

    def getall(self, name: str, default: list[str]) -> list[str]:
        return list(self.values) or default


@settings(max_examples=200)
@given(st.lists(st.text(max_size=30) | st.sampled_from(["instance-ha 1.3", "instance-ha 9.9"])))
def test_any_microversion_is_chosen_or_refused(values: list[str]) -> None:
    refused = 0
    try:
        version = asked_version(Asked(*values))  # type: ignore[arg-type]  # its headers are all it needs
    except Refusal as refusal:
        version, refused = (1, 0), refusal.status
    assert (1, 0) <= version <= (1, 3)
    assert refused in (0, 400, 406)
