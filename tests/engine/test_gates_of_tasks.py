"""Each gate of what is done about the ports and the storage of a host, shut alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from doctor_daemon.core.context import Armed, Context
from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.incident import Held
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.engine import port_gates, storage_gates
from doctor_daemon.engine.ward import Ward
from doctor_daemon.ports import Fleet
from tests.core.make import (
    HOST,
    OTHER_BOOT,
    Fields,
    at,
    context,
    incident,
    maintenance,
    plan,
    power_proof,
    sighting,
)

OFF = Armed(on=False, by="ann", why="the rack is being moved")
NEVER = Armed()


@dataclass
class Marks:
    """Whether the ports of dead hosts are marked."""

    marks: bool = True


@dataclass
class Rules:
    ports: Marks = field(default_factory=Marks)


@dataclass
class Door:
    """What the gates ask of a ward, set by hand."""

    known: Context = field(default_factory=context)
    stopping: bool = False
    rules: Rules = field(default_factory=Rules)

    def context(self, host: HostId) -> Context:
        return self.known


def ward(*, stopping: bool = False, marks: bool = True, **changes: Fields) -> Ward:
    return cast("Ward", Door(context(**changes), stopping, Rules(Marks(marks))))


Shut = Callable[[Ward, HostId], str]
ALL = {
    "marks": port_gates.off_limits,
    "ports": port_gates.shut,
    "storage": storage_gates.shut,
}
OWN: tuple[Shut, ...] = (port_gates.off_limits, storage_gates.shut)


@pytest.mark.parametrize("shut", ALL.values(), ids=ALL)
@pytest.mark.parametrize("mode", [Mode.FENCE, Mode.EVACUATE])
def test_i3_where_nothing_forbids_it_the_gates_are_open(shut: Shut, mode: Mode) -> None:
    assert shut(ward(mode=mode, plan=plan(mode=mode)), HOST) == ""


@pytest.mark.parametrize("shut", ALL.values(), ids=ALL)
@pytest.mark.parametrize(
    ("why", "said"),
    [
        ({"stopping": True}, "the daemon is stopping"),
        ({"mode": Mode.NOTIFY}, "mode is notify: nothing is changed in the cloud"),
        ({"mode": Mode.OBSERVE}, "mode is observe: nothing is changed in the cloud"),
        ({"armed": OFF}, "the daemon is disarmed by ann: the rack is being moved"),
        ({"armed": NEVER}, "the daemon is disarmed: never armed"),
    ],
)
def test_i3_what_holds_for_the_whole_daemon_shuts_all(shut: Shut, why: Fields, said: str) -> None:
    assert shut(ward(**why), HOST) == said


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ({"plan": plan(known=False)}, f"{HOST} is not in the configuration"),
        ({"plan": plan(mode=Mode.NOTIFY)}, "mode is notify: nothing is changed in the cloud"),
        ({"plan": plan(protected="a controller")}, f"{HOST} is protected: a controller"),
        ({"maintenance": maintenance(60)}, f"{HOST} is in maintenance by ben: new memory"),
    ],
)
def test_i3_what_holds_for_one_host_keeps_nobody_from_clearing_its_ports(
    why: Fields, said: str
) -> None:
    assert [shut(ward(**why), HOST) for shut in OWN] == [said, said]
    assert port_gates.shut(ward(**why), HOST) == ""


def test_ports_that_are_not_to_be_marked_are_not() -> None:
    unmarked = ward(marks=False)
    assert "not configured" in port_gates.off_limits(unmarked, HOST)
    assert port_gates.shut(unmarked, HOST) == ""


# whether a host is back


@pytest.mark.parametrize(
    ("asked_s", "forced_down", "back"),
    [(10.25, False, True), (10, False, False), (9, False, False), (10.25, True, False)],
)
def test_only_a_list_that_was_asked_for_later_tells_that_a_host_is_forced_down_no_more(
    asked_s: float, *, forced_down: bool, back: bool
) -> None:
    seen = sighting(asked_s, forced_down=forced_down)
    assert port_gates.is_back(HOST, Fleet({HOST.name: seen}), at(10)) is back


@pytest.mark.parametrize(
    ("fleet", "back"),
    [
        (Fleet({"another": sighting(0)}), True),
        (Fleet({}), False),
        (Fleet({"another": sighting(0)}, blind=True), False),
        (Fleet({"another": sighting(0)}, unknown=frozenset({HOST.name})), False),
        (Fleet({"another": sighting(0)}, unknown=frozenset({"a third"})), True),
    ],
)
def test_a_host_that_is_gone_is_back_unless_nova_cannot_tell(fleet: Fleet, *, back: bool) -> None:
    assert port_gates.is_back(HOST, fleet, at(10)) is back


# whether a host was proven off


@pytest.mark.parametrize(
    ("changes", "fenced"),
    [
        ({"phase": Phase.EVACUATING}, True),
        ({"phase": Phase.DOWN}, True),
        ({"phase": Phase.FORCING_DOWN}, False),
        ({"phase": Phase.FORCING_DOWN, "proof": power_proof(3)}, False),
        ({"phase": Phase.HELD, "out_of": Phase.FORCING_DOWN, "proof": power_proof(3)}, True),
        ({"phase": Phase.HELD, "out_of": Phase.EVACUATING, "proof": power_proof(3)}, True),
        ({"phase": Phase.HELD, "out_of": Phase.FENCING, "proof": power_proof(3)}, False),
        ({"phase": Phase.HELD, "out_of": Phase.FORCING_DOWN}, False),
    ],
)
def test_a_host_is_fenced_once_its_proof_was_acted_upon(changes: Fields, *, fenced: bool) -> None:
    out_of = changes.get("out_of")
    held = out_of and Held("power", "its BMC is silent", "confirm-off", out_of)
    fields = {name: value for name, value in changes.items() if name != "out_of"}
    assert storage_gates.is_fenced(incident(**fields, held=held)) is fenced


@pytest.mark.parametrize(
    ("changes", "boot", "off"),
    [
        ({"phase": Phase.DOWN}, OTHER_BOOT, True),
        ({"phase": Phase.EVACUATING}, OTHER_BOOT, False),
        ({"phase": Phase.DOWN}, at(0).boot_id, False),
        ({"phase": Phase.RELEASING}, OTHER_BOOT, False),
        ({"phase": Phase.DOWN, "proof": None}, OTHER_BOOT, False),
        ({"phase": Phase.DOWN, "release": Release(used_at=at(5))}, OTHER_BOOT, False),
    ],
)
def test_what_was_proven_on_another_boot_was_so_then(
    changes: Fields, boot: str, *, off: bool
) -> None:
    down = replace(incident(proof=power_proof(3)), **changes)
    assert storage_gates.was_off(down, at(9, boot)) is off
