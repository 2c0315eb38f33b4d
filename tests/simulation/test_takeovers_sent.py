"""A daemon takes over after the cut, or where a second device tells how the host is, told in words.

Seconds are since the failure.
"""

from __future__ import annotations

import pytest

from doctor_daemon.core.host import Mode
from tests.simulation.mishaps import (
    all_die,
    dies_and_it_is_on,
    is_cut_off,
    is_disarmed_aside,
    lies,
    lies_and_the_leader_dies,
    lies_for_a_while,
    stands_still,
    steps_down,
    two_die_in_turn,
)
from tests.simulation.takeovers import Witnessed
from tests.simulation.test_takeovers import CUT, PROVEN, Played, play

MOVING = [
    *PROVEN,
    " 12 force-down accepted: 200",
    " 12 Nova has it forced down and disabled (read back)",
    " 13 Nova lists 1 servers on the host",
    " 13 plan: 1 of 1 servers are to be moved; 2 other hosts are enabled and up; who ",
]
SENT: dict[str, Played] = {
    "the leader dies after the proof, and the host is switched on": (
        "proven",
        dies_and_it_is_on,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *PROVEN,
            " 21 taken up again after a restart",
            " 21 ALARM: the power is on again after the proof: fencing again",
            " 21 waiting: the daemon has just started, and watches for 20 s before it cuts an",
            " 41 the gate warm-up is open: it goes on",
            " 41 every gate is open: cutting the power by sim bmc",
            " 41 bmc: cut accepted: 204",
            " 49 proven off: bmc said off 3 times over 2.0 s",
            " 50 force-down accepted: 200",
            " 50 Nova has it forced down and disabled (read back)",
            " 50 Nova lists 1 servers on the host",
        ],
    ),
    "the leader stands still with its force-down on its way": (
        "put-out",
        stands_still,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *PROVEN,
            " 21 taken up again after a restart",
            " 24 still proven off",
            " 24 Nova has it forced down and disabled (read back)",
            " 24 Nova lists 1 servers on the host",
        ],
    ),
    "one leader after the other dies before the proof": (
        "reading",
        two_die_in_turn,
        Mode.FENCE,
        3,
        ["ctl-1", "ctl-3", "ctl-1"],
        [
            *CUT,
            " 17 taken up again after a restart",
            " 27 taken up again after a restart",
            " 29 proven off: bmc said off 3 times over 2.0 s",
            " 29 force-down accepted: 200",
            " 30 Nova has it forced down and disabled (read back)",
            " 30 Nova lists 1 servers on the host",
        ],
    ),
    "the leader is cut off from the store in the midst of an evacuation": (
        "post-out",
        is_cut_off,
        Mode.EVACUATE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *MOVING,
            " 24 taken up again after a restart",
            " 24 moved to cmp-2: vm",
            " 24 1 servers: 1 moved",
        ],
    ),
    "the leader steps down in the midst of an evacuation": (
        "post-out",
        steps_down,
        Mode.EVACUATE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *MOVING,
            " 13 taken up again after a restart",
            " 18 moved to cmp-2: vm",
            " 18 1 servers: 1 moved",
        ],
    ),
    "both daemons die in the midst of an evacuation": (
        "post-out",
        all_die,
        Mode.EVACUATE,
        2,
        ["ctl-2", "ctl-2"],
        [
            *MOVING,
            " 23 taken up again after a restart",
            " 24 moved to cmp-2: vm",
            " 24 1 servers: 1 moved",
        ],
    ),
    "it is disarmed at the one that stands by, in the midst of an evacuation": (
        "post-out",
        is_disarmed_aside,
        Mode.EVACUATE,
        2,
        ["ctl-2"],
        [
            *MOVING,
            " 17 moved to cmp-2: vm",
            " 17 1 servers: 1 moved",
        ],
    ),
}
WITNESSED: dict[str, Played] = {
    "a device says off and cuts nothing": (
        "grace",
        lies,
        Mode.FENCE,
        2,
        ["ctl-2"],
        [
            *CUT,
            " 38 level 1, try 1: not off 30 s after the cut: pdu says that the power is on",
            " 40 every gate is open: cutting the power by sim bmc",
            " 40 bmc: cut accepted: 204",
            " 70 level 1, try 2: not off 30 s after the cut: pdu says that the power is on",
            " 70 every gate is open: cutting the power by sim pdu",
            " 70 pdu: cut accepted: 204",
            " 83 proven off: pdu said off 3 times over 2.5 s",
            " 84 force-down accepted: 200",
            " 84 Nova has it forced down and disabled (read back)",
            " 84 Nova lists 1 servers on the host",
        ],
    ),
    "a device says off before it is true": (
        "grace",
        lies_for_a_while,
        Mode.FENCE,
        2,
        ["ctl-2"],
        [
            *CUT,
            " 14 proven off: bmc said off 3 times over 2.0 s",
            " 14 force-down accepted: 200",
            " 14 Nova has it forced down and disabled (read back)",
            " 14 Nova lists 1 servers on the host",
        ],
    ),
    "a device says off and cuts nothing, and the leader dies over that": (
        "grace",
        lies_and_the_leader_dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *CUT,
            " 21 taken up again after a restart",
            " 51 level 1, try 1: not off 30 s after the cut: pdu says that the power is on",
            " 52 every gate is open: cutting the power by sim bmc",
            " 54 bmc: cut accepted: 204",
            " 84 level 1, try 2: not off 30 s after the cut: pdu says that the power is on",
            " 84 every gate is open: cutting the power by sim pdu",
            " 84 pdu: cut accepted: 204",
            " 95 proven off: pdu said off 3 times over 3.4 s",
            " 95 force-down accepted: 200",
            " 95 Nova has it forced down and disabled (read back)",
            " 96 Nova lists 1 servers on the host",
        ],
    ),
}
"""Of a host with a second device, which tells how it is itself."""


@pytest.mark.parametrize("name", SENT)
def test_l3_another_daemon_takes_over_after_the_cut(name: str) -> None:
    play(SENT[name])


@pytest.mark.parametrize("name", WITNESSED)
def test_b1_a_witness_is_heard_whoever_leads(name: str) -> None:
    play(WITNESSED[name], Witnessed)
