"""What becomes of one host's failure when another daemon takes over, told in words.

Seconds are since its failure. Two daemons share a store; a lease lasts 10 s.
"""

from __future__ import annotations

import pytest

from doctor_daemon.core.host import Mode
from tests.simulation.mishaps import (
    all_die,
    dies,
    is_cut_off,
    is_disarmed_aside,
    is_disarmed_aside_and_dies,
    is_frozen,
    is_told_aside,
    stands_still,
    steps_down,
    store_is_away,
    two_die,
)
from tests.simulation.standing import run
from tests.simulation.takeovers import Befalls, Takeover
from tests.simulation.tally import quiet


def told(
    place: str, befalls: Befalls, mode: Mode, count: int, kind: type[Takeover] = Takeover
) -> Takeover:
    """Play a scene to its end; nothing that must not be may have been seen."""
    quiet()
    scenes: list[Takeover] = []

    async def main() -> None:
        scenes.append(kind(mode, count=count))
        await scenes[0].stage(place, befalls)

    run(main())
    assert scenes[0].oracle.violations == []
    return scenes[0]


Played = tuple[str, Befalls, Mode, int, list[str], list[str]]
"""Where, what, in which mode, among how many; who has led then, and the timeline."""


def play(played: Played, kind: type[Takeover] = Takeover) -> None:
    """Play a scene, and hold it against what it is to be."""
    place, befalls, mode, count, leaders, lines = played
    scene = told(place, befalls, mode, count, kind)
    assert scene.lines == lines
    assert scene.leaders == leaders


DECIDED = [
    "  3 am says down (prometheus); failure domain rack-0",
    "  8 still down after 5 s of grace, and the evidence is enough",
    "  8 every gate is open: cutting the power by sim bmc",
]
CUT = [*DECIDED, "  9 bmc: cut accepted: 204"]
PROVEN = [*CUT, " 12 proven off: bmc said off 3 times over 2.0 s"]
SCENES: dict[str, Played] = {
    "the leader dies between the cut and the reads": (
        "reading",
        dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *CUT,
            " 17 taken up again after a restart",
            " 19 proven off: bmc said off 3 times over 2.0 s",
            " 19 force-down accepted: 200",
            " 20 Nova has it forced down and disabled (read back)",
            " 20 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies after the proof": (
        "proven",
        dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *PROVEN,
            " 21 taken up again after a restart",
            " 23 still proven off",
            " 24 force-down accepted: 200",
            " 24 Nova has it forced down and disabled (read back)",
            " 24 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies with its force-down answered and not saved": (
        "put-answered",
        dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *PROVEN,
            " 12 force-down accepted: 200",
            " 21 taken up again after a restart",
            " 21 the proof has grown old: reading the power again",
            " 24 still proven off",
            " 24 Nova has it forced down and disabled (read back)",
            " 24 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies in the midst of an evacuation": (
        "post-out",
        dies,
        Mode.EVACUATE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *PROVEN,
            " 12 force-down accepted: 200",
            " 12 Nova has it forced down and disabled (read back)",
            " 13 Nova lists 1 servers on the host",
            " 13 plan: 1 of 1 servers are to be moved; 2 other hosts are enabled and up; who ",
            " 23 taken up again after a restart",
            " 23 moved to cmp-2: vm",
            " 23 1 servers: 1 moved",
        ],
    ),
    "the leader stands still past its lease while a cut waits": (
        "cut-waits",
        stands_still,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 18 taken up again after a restart",
            " 22 waiting: the daemon has just started, and watches for 20 s before it cuts an",
            " 38 the gate warm-up is open: it goes on",
            " 38 every gate is open: cutting the power by sim bmc",
            " 38 bmc: cut accepted: 204",
            " 42 proven off: bmc said off 3 times over 2.0 s",
            " 42 force-down accepted: 200",
            " 42 Nova has it forced down and disabled (read back)",
            " 42 Nova lists 1 servers on the host",
        ],
    ),
    "the leader is frozen past its lease while a cut waits": (
        "cut-waits",
        is_frozen,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 18 taken up again after a restart",
            " 22 waiting: the daemon has just started, and watches for 20 s before it cuts an",
            " 38 the gate warm-up is open: it goes on",
            " 38 every gate is open: cutting the power by sim bmc",
            " 38 bmc: cut accepted: 204",
            " 42 proven off: bmc said off 3 times over 2.0 s",
            " 42 force-down accepted: 200",
            " 42 Nova has it forced down and disabled (read back)",
            " 42 Nova lists 1 servers on the host",
        ],
    ),
    "the leader is cut off from the store while a cut waits": (
        "cut-waits",
        is_cut_off,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 22 waiting: the daemon has just started, and watches for 20 s before it cuts an",
            " 37 the gate warm-up is open: it goes on",
            " 38 every gate is open: cutting the power by sim bmc",
            " 38 bmc: cut accepted: 204",
            " 45 proven off: bmc said off 3 times over 2.0 s",
            " 45 force-down accepted: 200",
            " 46 Nova has it forced down and disabled (read back)",
            " 46 Nova lists 1 servers on the host",
        ],
    ),
    "it is disarmed at the one that stands by, while a cut waits": (
        "cut-waits",
        is_disarmed_aside,
        Mode.FENCE,
        2,
        ["ctl-2"],
        [
            *DECIDED,
            " 10 held: the daemon is disarmed by ann: stop; see to the gate armed; `doctor-da",
        ],
    ),
    "the leader steps down in the midst of fencing": (
        "reading",
        steps_down,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *CUT,
            "  9 taken up again after a restart",
            " 12 proven off: bmc said off 3 times over 2.0 s",
            " 12 force-down accepted: 200",
            " 13 Nova has it forced down and disabled (read back)",
            " 13 Nova lists 1 servers on the host",
        ],
    ),
    "nobody reaches the store": (
        "proven",
        store_is_away,
        Mode.FENCE,
        2,
        ["ctl-2"],
        [
            *PROVEN,
            " 76 the proof has grown old: reading the power again",
            " 76 the proof that cmp-0 is off is too old",
            " 79 still proven off",
            " 79 force-down accepted: 200",
            " 79 Nova has it forced down and disabled (read back)",
            " 79 Nova lists 1 servers on the host",
        ],
    ),
    "both daemons die": (
        "reading",
        all_die,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *CUT,
            " 18 taken up again after a restart",
            " 20 proven off: bmc said off 3 times over 2.0 s",
            " 20 force-down accepted: 200",
            " 20 Nova has it forced down and disabled (read back)",
            " 20 Nova lists 1 servers on the host",
        ],
    ),
    "two of three die": (
        "proven",
        two_die,
        Mode.FENCE,
        3,
        ["ctl-1", "ctl-1"],
        [
            *CUT,
            " 16 proven off: bmc said off 3 times over 2.0 s",
            " 25 taken up again after a restart",
            " 28 still proven off",
            " 28 force-down accepted: 200",
            " 28 Nova has it forced down and disabled (read back)",
            " 28 Nova lists 1 servers on the host",
        ],
    ),
    "a monitor tells the one that stands by": (
        "reading",
        is_told_aside,
        Mode.FENCE,
        2,
        ["ctl-2"],
        [
            *PROVEN,
            " 12 force-down accepted: 200",
            " 12 Nova has it forced down and disabled (read back)",
            " 13 Nova lists 1 servers on the host",
        ],
    ),
}


@pytest.mark.parametrize("name", SCENES)
def test_l3_another_daemon_takes_over(name: str) -> None:
    play(SCENES[name])


def test_d2_a_disarm_at_a_stand_by_outlives_the_leader_that_has_not_read_it() -> None:
    scene = told("cut-waits", is_disarmed_aside_and_dies, Mode.FENCE, 2)
    assert scene.machine.power, "it was said before anything was cut"
    assert scene.daemons.lease.word is None, "who leads has heeded it"
