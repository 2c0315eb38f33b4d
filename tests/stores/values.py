"""Incidents, notices and evidence for tests of stores."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.audit import Line, Part
from doctor_daemon.core.context import Latch
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.evidence import Trust, Verdict, Word
from doctor_daemon.core.host import HostId, Server, ServerId
from doctor_daemon.core.incident import (
    Entry,
    Held,
    Incident,
    IncidentId,
    Marking,
    Rounds,
    Sighting,
)
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import MassState, Passes
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.port_tasks import PortStage, PortTask
from doctor_daemon.core.proof import DeviceProof, Identity, Power, Proof, ProofKind, Reading
from doctor_daemon.core.reserves import ReserveStage, ReserveTask
from doctor_daemon.core.retirement import Left, Retirement
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import TaskStage, VolumeTask
from doctor_daemon.core.volumes import End, Finding, Target, VolumeAct, VolumeService, Wish
from doctor_daemon.ports import Change, EvidenceRow, NoticeRow

EPOCH_S = 1_800_000_000.0
DAY_S = 86_400.0
BOOT = "0b4e9d1a-1a2b-4c3d-8e4f-001122334455"


def at(seconds: float, boot: str = BOOT) -> Instant:
    """Return the moment so many seconds after the tests' beginning of time."""
    return Instant(boot, 1000.0 + seconds, EPOCH_S + seconds)


def host(name: str = "cmp-1") -> HostId:
    return HostId("default", name)


def incident(id_: str = "one", name: str = "cmp-1", seconds: float = 0.0) -> Incident:
    """Return an incident as it is first saved."""
    now = at(seconds)
    return Incident(IncidentId(id_), host(name), now, now, now, now, version=1)


def opening(id_: str = "one", name: str = "cmp-1", seconds: float = 0.0) -> Change:
    """Return the change that opens an incident, with a line in its timeline."""
    opened = incident(id_, name, seconds).note(at(seconds), f"{id_} begins")
    return Change(head=opened, entries=opened.timeline)


def step(before: Incident, after: Incident) -> Change:
    """Return the change from a saved state to another one, as the engine would make it."""
    head = replace(after, version=before.version + 1)
    return Change(
        head=head,
        entries=after.timeline[len(before.timeline) :],
        servers=tuple(s for id_, s in after.servers.items() if before.servers.get(id_) != s),
        servers_gone=tuple(id_ for id_ in before.servers if id_ not in after.servers),
        evacuations=tuple(
            one for id_, one in after.evacuations.items() if before.evacuations.get(id_) != one
        ),
    )


def closing(before: Incident, seconds: float) -> Change:
    """Return the change that ends an incident."""
    return step(before, before.move(Phase.DISMISSED, at(seconds), "over"))


def head_of(change: Change) -> Incident:
    """Return the head that a change is known to have."""
    assert change.head is not None
    return change.head


def server(id_: str, status: str = "ACTIVE") -> Server:
    return Server(ServerId(id_), f"name-{id_}", "project", status)


def evacuation(id_: str, stage: Stage = Stage.POSTING) -> Evacuation:
    """Return the record of a server of which a request may have been sent once before."""
    waits = at(12)
    made = Evacuation(server(id_), stage, at(8), 2, 1, at(9), (17, 18), why="déjà vu")
    return replace(made, unsent=2, sent_at=at(7), hold_until=waits, to_at=at(10), left=("cmp-8",))


def notice(number: int, name: str = "cmp-1", consumer: str = "vnfm", id_: str = "one") -> NoticeRow:
    return NoticeRow(
        id=f"msg-{consumer}-{name}-{number}",
        consumer=consumer,
        project="",
        host=host(name),
        incident=IncidentId(id_),
        kind="suspected",
        sequence=number,
        body='{"text": "déjà vu"}',
        made_at=at(number),
        evidence_at=at(0),
    )


def evidence(
    key: str, seconds: float = 0.0, summary: str = "down", boot: str = BOOT
) -> EvidenceRow:
    return EvidenceRow(
        key=key,
        host=host(),
        source="am",
        fingerprint="f00",
        verdict="down",
        summary=summary,
        at=at(seconds, boot),
        incident=IncidentId("one"),
    )


READING = Reading(Power.OFF, "Off", at(7), at(7.5))
IDENTITY = Identity("4c4c4544-0042-3510-8054-b4c04f445931", "SN1", "System", "R640")
SIGHTING = Sighting(
    uuid="a-uuid",
    state="down",
    status="disabled",
    forced_down=True,
    reason="doctor-daemon one",
    updated_s=1.5,
    asked_at=at(8),
)


RETIREMENT = Retirement(
    by="carol",
    why="scrapped",
    since=at(50),
    step_at=at(51),
    number=7,
    left=Left(at(52), listed=True, servers=("s1",), transits=("resize 4 of s1 (finished)",)),
    put=Outcome.UNKNOWN,
)


def rich() -> Incident:
    """Return an incident in which every nested kind of value stands once."""
    device = DeviceTry(IDENTITY, "", Outcome.ACCEPTED, at(6), (READING,), 1)
    proof = Proof(
        kind=ProofKind.POWER,
        incident="one",
        attempt=1,
        digest="d1",
        taken_at=at(7),
        valid_until=at(37),
        devices=(DeviceProof("bmc", IDENTITY, at(6), (READING,)),),
    )
    word = Word(Verdict.DOWN, "am", "alertmanager", Trust.SECOND, at(0), at(1), 2, 1.0, "déjà vu")
    made = replace(
        incident(),
        words={"am/f00": word},
        sighting=SIGHTING,
        fencing=Try(1, 1, 1, "d1", at(5), at(6), {"bmc": device}),
        cut_started=at(6),
        charges=(at(6),),
        proof=proof,
        marking=Marking(number=1, before=SIGHTING, disable=True, put=Outcome.UNKNOWN),
        servers={one.id: one for one in (server("s1"), server("s2"))},
        servers_wall_s=EPOCH_S,
        evacuations={
            one.server.id: one for one in (evacuation("s1"), evacuation("s2", Stage.WAITING))
        },
        rounds=Rounds(follows=2, failures=3, barred=Held("budget", "all is used", "wait")),
        retirement=RETIREMENT,
    )
    return made.note(at(0), "suspected").tell(at(1), "and so", None, (server("s1"),))


def entries(count: int) -> tuple[Entry, ...]:
    return tuple(Entry(n, at(n), Phase.SUSPECTED, f"line {n}") for n in range(1, count + 1))


def volume_order(number: int, *, over: bool = False) -> VolumeOrder:
    """Return an order about Cinder, with somebody's disabling to be kept."""
    row = VolumeService("cinder-volume", "cmp-1@ceph", "disabled", "up", reason="rack move")
    wish = Wish(VolumeAct.THAW, Target("cmp-1@ceph"))
    finding = Finding(End.ACHIEVED, "it is not frozen") if over else None
    return VolumeOrder(number, "ann", "CHG-1", at(number), wish, kept=(row,), finding=finding)


def volume_task(number: int, *, over: bool = False) -> VolumeTask:
    """Return a task about the storage of a fenced host."""
    stage = TaskStage.DONE if over else TaskStage.DOWN
    task = VolumeTask(
        number, IncidentId("one"), 0, host(), f"cmp-{number}@ceph", "doctor-daemon:one:", at(7)
    )
    more = replace(task, learned=7, to="spare", again=True, missing=1, barred=True)
    return replace(more.note(at(8), "it is to be disabled"), stage=stage, retry_at=at(9))


def port_task(name: str, *, over: bool = False) -> PortTask:
    """Return a task about the ports of a fenced host."""
    task = PortTask(host(name), IncidentId("one"), 1, at(7), ours=("p-1", "p-2"), failures=2)
    held = task.hold(at(8), "Neutron answered 403", "see to that")
    return held.at(PortStage.DONE, at(9), "déjà vu") if over else held


def reserve_task(name: str, *, over: bool = False) -> ReserveTask:
    """Return a task about a host in reserve."""
    task = ReserveTask(host(name), IncidentId("one"), "reserved", at(7), reserve="cmp-9")
    held = replace(task, tried=("cmp-8",), sent=True).hold(at(8), "503", "see to that")
    return held.at(ReserveStage.DONE, at(9), "déjà vu", warns=True) if over else held


def audit_line(number: int, seconds: float = 0.0, part: Part = Part.INTENT) -> Line:
    """Return a line of the audit in which everything stands."""
    line = Line(f"one/{number}", part, "cut", at(seconds), 7, "cmp-1", "one", "bmc, level 1, try 1")
    said = replace(line, cause="déjà vu", by="ann", evidence=("am said down",), proof="off")
    return replace(said, gates=("armed: open", "mode: open"), outcome="accepted", text="204")


def mass_state() -> MassState:
    """Return a fleet in which too many hosts look dead, and a human's word about it."""
    latch = Latch("fleet", "12 of 20 hosts of the fleet look dead", at(3), at(4))
    return MassState((latch,), Passes("p-1", 3, "ann", "the rack has no power", at(5), at(65)))
