"""A daemon takes over before it is known that anything was cut, told in words.

Seconds are since the failure. What was said to a daemon before has no age for the next one: a cut
that it had decided waits until its sources say it again.
"""

from __future__ import annotations

import pytest

from doctor_daemon.core.host import Mode
from tests.simulation.mishaps import (
    dies,
    dies_and_is_followed_late,
    dies_and_it_is_off,
    dies_and_it_lives,
    dies_unheard,
    steps_down,
    store_is_away,
    two_die,
)
from tests.simulation.test_takeovers import DECIDED, Played, play

UNSENT: dict[str, Played] = {
    "the leader dies while a cut waits": (
        "cut-waits",
        dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 22 every gate is open: cutting the power by sim bmc",
            " 22 bmc: cut accepted: 204",
            " 29 proven off: bmc said off 3 times over 2.0 s",
            " 29 force-down accepted: 200",
            " 29 Nova has it forced down and disabled (read back)",
            " 30 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies while a cut waits, and who accused it speaks late": (
        "cut-waits",
        dies_and_is_followed_late,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 22 waiting: what was said against cmp-0 is of before this daemon began, and of ",
            " 39 the gate repeated is open: it goes on",
            " 39 every gate is open: cutting the power by sim bmc",
            " 40 bmc: cut accepted: 204",
            " 44 proven off: bmc said off 3 times over 2.0 s",
            " 44 force-down accepted: 200",
            " 44 Nova has it forced down and disabled (read back)",
            " 44 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies while a cut waits, and nobody accuses it again": (
        "cut-waits",
        dies_unheard,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 22 waiting: what was said against cmp-0 is of before this daemon began, and of ",
            "317 the gate repeated is open: it goes on",
            "318 held: no evidence against cmp-0 is younger than 300 s; `doctor-daemon fence ",
        ],
    ),
    "the leader dies while a cut waits, and the host lives": (
        "cut-waits",
        dies_and_it_lives,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 18 am has seen it alive: this contradicts that its power is off",
            " 18 held: it was heard alive, and what became of the cut that was decided before",
            " 21 am has seen it alive: this contradicts that its power is off",
        ],
    ),
    "the leader dies while a cut waits, and the host is switched off": (
        "cut-waits",
        dies_and_it_is_off,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 22 every gate is open: cutting the power by sim bmc",
            " 22 bmc: cut accepted: 204",
            " 25 proven off: bmc said off 3 times over 2.0 s",
            " 25 force-down accepted: 200",
            " 25 Nova has it forced down and disabled (read back)",
            " 25 Nova lists 1 servers on the host",
        ],
    ),
    "two of three die while a cut waits": (
        "cut-waits",
        two_die,
        Mode.FENCE,
        3,
        ["ctl-1", "ctl-3"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 21 every gate is open: cutting the power by sim bmc",
            " 22 bmc: cut accepted: 204",
            " 29 proven off: bmc said off 3 times over 2.0 s",
            " 29 force-down accepted: 200",
            " 29 Nova has it forced down and disabled (read back)",
            " 29 Nova lists 1 servers on the host",
        ],
    ),
    "the leader steps down while a cut waits": (
        "cut-waits",
        steps_down,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 10 bmc: cut accepted: 204",
            " 11 taken up again after a restart",
            " 13 proven off: bmc said off 3 times over 2.0 s",
            " 14 force-down accepted: 200",
            " 14 Nova has it forced down and disabled (read back)",
            " 14 Nova lists 1 servers on the host",
        ],
    ),
    "nobody reaches the store while a cut waits": (
        "cut-waits",
        store_is_away,
        Mode.FENCE,
        2,
        ["ctl-2"],
        [
            *DECIDED,
            " 72 every gate is open: cutting the power by sim bmc",
            " 73 bmc: cut accepted: 204",
            " 79 proven off: bmc said off 3 times over 2.0 s",
            " 79 force-down accepted: 200",
            " 80 Nova has it forced down and disabled (read back)",
            " 80 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies in the grace": (
        "grace",
        dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            "  3 am says down (prometheus); failure domain rack-0",
            " 13 taken up again after a restart",
            " 18 still down after 5 s of grace, and the evidence is enough",
            " 18 waiting: the daemon has just started, and watches for 20 s before it cuts an",
            " 33 the gate warm-up is open: it goes on",
            " 34 every gate is open: cutting the power by sim bmc",
            " 34 bmc: cut accepted: 204",
            " 37 proven off: bmc said off 3 times over 2.0 s",
            " 38 force-down accepted: 200",
            " 38 Nova has it forced down and disabled (read back)",
            " 38 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies in the grace, and the host lives": (
        "grace",
        dies_and_it_lives,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            "  3 am says down (prometheus); failure domain rack-0",
            " 13 taken up again after a restart",
            " 15 am has seen it alive",
        ],
    ),
    "the leader dies before it decides the cut": (
        "before-cut",
        dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-2"],
        [
            "  3 am says down (prometheus); failure domain rack-0",
            "  8 still down after 5 s of grace, and the evidence is enough",
            " 17 taken up again after a restart",
            " 22 waiting: the daemon has just started, and watches for 20 s before it cuts an",
            " 37 the gate warm-up is open: it goes on",
            " 37 every gate is open: cutting the power by sim bmc",
            " 38 bmc: cut accepted: 204",
            " 42 proven off: bmc said off 3 times over 2.0 s",
            " 42 force-down accepted: 200",
            " 42 Nova has it forced down and disabled (read back)",
            " 43 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies between the permit and the cut": (
        "over-permit",
        dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-2"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 21 every gate is open: cutting the power by sim bmc",
            " 22 bmc: cut accepted: 204",
            " 25 proven off: bmc said off 3 times over 2.0 s",
            " 25 force-down accepted: 200",
            " 25 Nova has it forced down and disabled (read back)",
            " 26 Nova lists 1 servers on the host",
        ],
    ),
    "the leader dies with a cut on its way": (
        "cut-out",
        dies,
        Mode.FENCE,
        2,
        ["ctl-2", "ctl-1"],
        [
            *DECIDED,
            " 17 taken up again after a restart",
            " 21 every gate is open: cutting the power by sim bmc",
            " 22 bmc: cut accepted: 204",
            " 24 proven off: bmc said off 3 times over 2.0 s",
            " 24 force-down accepted: 200",
            " 24 Nova has it forced down and disabled (read back)",
            " 24 Nova lists 1 servers on the host",
        ],
    ),
}
"""Before it is known that anything was cut."""


@pytest.mark.parametrize("name", UNSENT)
def test_l3_another_daemon_takes_over_before_the_cut(name: str) -> None:
    play(UNSENT[name])
