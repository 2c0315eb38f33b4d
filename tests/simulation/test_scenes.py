"""What a pause of a minute comes to, told in words: one host that has failed, hit at each moment.

Seconds are since its failure. The daemon stands still for 60 s, and ten seconds into that something
may happen to the host.
"""

from __future__ import annotations

from typing import Any

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Order
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.standpoint import Wakefulness
from doctor_daemon.errors import Temporary
from tests.simulation.scenes import Meanwhile, Scene
from tests.simulation.standing import run
from tests.simulation.tally import quiet

AWAY_S = 60.0
SHORT_S = 8.0
"""A pause over which a proof does not grow old."""


async def nothing(_: Scene) -> None:
    """Leave everything as it is."""


async def comes_back(scene: Scene) -> None:
    """Let nova-compute report in again: it had only hung."""
    scene.machine.compute = True


async def switched_on(scene: Scene) -> None:
    """Let a restore policy switch the host on."""
    scene.world.switch(scene.machine, on=True)


async def flag_cleared(scene: Scene) -> None:
    """Let an operator clear forced_down in Nova, and enable the service."""
    row = scene.machine.row
    row.write(scene.world.now(), forced_down=False, status="enabled", reason="")


async def ordered(scene: Scene) -> None:
    """Let an operator order it fenced, who hears nothing, and starts it again."""
    order = Operators(scene.one.engine).order(scene.machine.id, Order.FENCE, "ann", "it is dead")
    with pytest.raises(Temporary):
        await scene.one.ask(order, 15.0)
    scene.machine.compute = True


def told(place: str, meanwhile: Meanwhile, mode: Mode = Mode.FENCE) -> list[str]:
    """Play a scene; return its timeline."""
    quiet()
    scenes: list[Scene] = []

    async def main() -> None:
        scenes.append(Scene(mode))
        await scenes[0].play(place, AWAY_S, meanwhile)

    run(main())
    (scene,) = scenes
    assert scene.oracle.violations == []
    return scene.lines


SCENES: dict[str, tuple[str, Meanwhile, Mode, list[str]]] = {
    "in its grace": (
        "grace",
        nothing,
        Mode.FENCE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            " 63 still down after 5 s of grace, and the evidence is enough",
            " 63 the daemon stood still for 60 s: looking at the host anew",
            " 73 every gate is open: cutting the power by sim bmc",
            " 73 bmc: cut accepted: 204",
            " 79 proven off: bmc said off 3 times over 2.0 s",
            " 80 force-down accepted: 200",
            " 80 Nova has it forced down and disabled (read back)",
            " 80 Nova lists 1 servers on the host",
        ],
    ),
    "in its grace, and it comes back": (
        "grace",
        comes_back,
        Mode.FENCE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            " 63 am has seen it alive",
        ],
    ),
    "before the cut, and an order lies unread": (
        "before-cut",
        ordered,
        Mode.FENCE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            " 68 the daemon stood still for 60 s: looking at the host anew",
            " 68 am has seen it alive",
        ],
    ),
    "while the cut waits for its turn": (
        "cut-waits",
        nothing,
        Mode.FENCE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            "  8 every gate is open: cutting the power by sim bmc",
            " 68 the daemon stood still for 60 s: looking at the host anew",
            " 73 every gate is open: cutting the power by sim bmc",
            " 73 bmc: cut accepted: 204",
            " 79 proven off: bmc said off 3 times over 2.0 s",
            " 79 force-down accepted: 200",
            " 79 Nova has it forced down and disabled (read back)",
            " 79 Nova lists 1 servers on the host",
        ],
    ),
    "between the permit and the cut": (
        "over-permit",
        nothing,
        Mode.FENCE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            "  8 every gate is open: cutting the power by sim bmc",
            " 68 level 1, try 1: the permit has lapsed: too much time passed between the deci",
            " 68 the daemon stood still for 60 s: looking at the host anew",
            " 73 every gate is open: cutting the power by sim bmc",
            " 74 bmc: cut accepted: 204",
            " 78 proven off: bmc said off 3 times over 2.0 s",
            " 79 force-down accepted: 200",
            " 79 Nova has it forced down and disabled (read back)",
            " 79 Nova lists 1 servers on the host",
        ],
    ),
    "while the cut is out, and it is switched on": (
        "cut-out",
        switched_on,
        Mode.FENCE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            "  8 every gate is open: cutting the power by sim bmc",
            " 68 bmc: cut unknown: no answer in time",
            " 68 the daemon stood still for 60 s: looking at the host anew",
            " 98 level 1, try 1: not off 30 s after the cut",
            " 99 every gate is open: cutting the power by sim bmc",
            "100 bmc: cut accepted: 204",
            "107 proven off: bmc said off 3 times over 2.0 s",
            "108 force-down accepted: 200",
            "108 Nova has it forced down and disabled (read back)",
            "108 Nova lists 1 servers on the host",
        ],
    ),
    "between the proof and the force-down, and it is switched on": (
        "proven",
        switched_on,
        Mode.FENCE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            "  8 every gate is open: cutting the power by sim bmc",
            "  9 bmc: cut accepted: 204",
            " 15 proven off: bmc said off 3 times over 2.0 s",
            " 75 the proof has grown old: reading the power again",
            " 75 the daemon stood still for 61 s: looking at the host anew",
            " 75 the permit has lapsed: too much time passed between the decision and the cal",
            " 75 ALARM: the power is on again after the proof: fencing again",
            " 75 every gate is open: cutting the power by sim bmc",
            " 76 bmc: cut accepted: 204",
            " 83 proven off: bmc said off 3 times over 2.0 s",
            " 83 force-down accepted: 200",
            " 83 Nova has it forced down and disabled (read back)",
            " 83 Nova lists 1 servers on the host",
        ],
    ),
    "while the force-down is out, and its flag is cleared": (
        "put-out",
        flag_cleared,
        Mode.FENCE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            "  8 every gate is open: cutting the power by sim bmc",
            "  9 bmc: cut accepted: 204",
            " 15 proven off: bmc said off 3 times over 2.0 s",
            " 75 force-down unknown: no answer in time",
            " 75 the proof has grown old: reading the power again",
            " 75 the daemon stood still for 60 s: looking at the host anew",
            " 77 still proven off",
            " 78 the force-down is not there when read back",
            " 79 force-down accepted: 200",
            " 79 Nova has it forced down and disabled (read back)",
            " 79 Nova lists 1 servers on the host",
        ],
    ),
    "while a server is asked for": (
        "post-out",
        nothing,
        Mode.EVACUATE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            "  8 every gate is open: cutting the power by sim bmc",
            "  9 bmc: cut accepted: 204",
            " 15 proven off: bmc said off 3 times over 2.0 s",
            " 15 force-down accepted: 200",
            " 15 Nova has it forced down and disabled (read back)",
            " 15 Nova lists 1 servers on the host",
            " 15 plan: 1 of 1 servers are to be moved; 2 other hosts are enabled and up; who ",
            " 76 the daemon stood still for 61 s: looking at the host anew",
            " 76 moved to cmp-2: vm",
            " 76 1 servers: 1 moved",
        ],
    ),
    "while a server is asked for, and it is switched on": (
        "post-out",
        switched_on,
        Mode.EVACUATE,
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            "  8 every gate is open: cutting the power by sim bmc",
            "  9 bmc: cut accepted: 204",
            " 15 proven off: bmc said off 3 times over 2.0 s",
            " 15 force-down accepted: 200",
            " 15 Nova has it forced down and disabled (read back)",
            " 15 Nova lists 1 servers on the host",
            " 15 plan: 1 of 1 servers are to be moved; 2 other hosts are enabled and up; who ",
            " 76 the daemon stood still for 61 s: looking at the host anew",
            " 76 ALARM: the power is on again after the proof: fencing again",
            " 76 every gate is open: cutting the power by sim bmc",
            " 76 bmc: cut accepted: 204",
            " 80 proven off: bmc said off 3 times over 2.0 s",
            " 80 Nova has it forced down and disabled (read back)",
            " 80 1 servers are still to be moved",
            " 80 moved to cmp-2: vm",
            " 80 1 servers: 1 moved",
        ],
    ),
}


@pytest.mark.parametrize("name", SCENES)
def test_a12_a_host_fails_and_the_daemon_stands_still(name: str) -> None:
    place, meanwhile, mode, lines = SCENES[name]
    assert told(place, meanwhile, mode) == lines


class _Unaware(Wakefulness):
    """Notices no pause at all."""

    def seen(self, now: Instant) -> Instant | None:
        return None


def _unaware(*parts: Any) -> Engine:  # noqa: ANN401 - the engine's own
    engine = Engine(*parts)
    engine.ward.standpoint.wake = _Unaware()
    return engine


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("before-cut", "A12: first cut of cmp-0 "),
        ("proven", "A12: force-down of cmp-0 rests on a read "),
    ],
)
def test_the_oracle_sees_a_daemon_that_does_not_notice_that_it_stood_still(
    place: str, words: str
) -> None:
    quiet()
    found: list[str] = []

    async def main() -> None:
        scene = Scene(make=_unaware)
        await scene.play(place, SHORT_S, nothing)
        found.extend(scene.oracle.violations)

    run(main())
    assert any(words in text for text in found), found
