"""Every step of the diagram, once by name, each by something that really happens."""

import re

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import SUCCESSORS, Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.make import MANUAL, evidence, incident, plan
from tests.core.moving import Moving
from tests.core.walk import Walk


def by_hand() -> Walk:
    """Walk to where only a human can tell whether the host is off."""
    return Walk(plan=plan(MANUAL)).to_fencing()


def test_suspected_to_fencing() -> None:
    assert Walk().to_fencing().phase is Phase.FENCING


def test_suspected_to_held() -> None:
    walk = Walk(incident(evidence(trust=Trust.SECOND))).to_fencing().elapse(120)
    assert (walk.phase, walk.gate) == (Phase.HELD, "evidence")


def test_suspected_to_dismissed() -> None:
    walk = Walk().wait(1).hear(verdict=Verdict.WITHDRAWN)
    assert walk.phase is Phase.DISMISSED
    assert walk.told == [NoticeKind.SUSPECTED, NoticeKind.WITHDRAWN]


def test_fencing_to_forcing_down() -> None:
    assert Walk().to_proof().phase is Phase.FORCING_DOWN


def test_fencing_to_held() -> None:
    walk = Walk().to_held()
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")


def test_fencing_to_dismissed() -> None:
    assert Walk().to_fencing().hear(verdict=Verdict.UP).phase is Phase.DISMISSED


def test_forcing_down_to_down() -> None:
    walk = Walk().to_down()
    assert walk.phase is Phase.DOWN
    assert walk.told == [NoticeKind.SUSPECTED, NoticeKind.CONFIRMED]


def test_forcing_down_to_fencing() -> None:
    walk = Walk().to_proof().elapse(30).read(Power.ON)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)


def test_forcing_down_to_held() -> None:
    walk = by_hand().order(Order.CONFIRM_OFF, 60).elapse(60)
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")


def test_forcing_down_to_evacuating() -> None:
    walk = Moving().to_evacuating()
    assert walk.phase is Phase.EVACUATING
    assert walk.told == [NoticeKind.SUSPECTED, NoticeKind.CONFIRMED]


def test_evacuating_to_down() -> None:
    walk = Moving().to_posted().turns(1, "done").elapse(2).follow()
    assert (walk.phase, walk.said) == (Phase.DOWN, "1 servers: 1 moved")


def test_evacuating_to_fencing() -> None:
    walk = Moving().to_posted().elapse(5).read(Power.ON)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)


def test_evacuating_to_held() -> None:
    walk = Moving().to_evacuating().given(armed=Armed()).inspect()
    assert (walk.phase, walk.gate) == (Phase.HELD, "armed")


def test_down_to_resolved() -> None:
    assert Walk().to_down().order(Order.CLOSE).look(forced_down=False).phase is Phase.RESOLVED


def test_down_to_held() -> None:
    walk = Walk().to_down().order(Order.CLOSE).look(uuid="another", forced_down=True)
    assert (walk.phase, walk.gate) == (Phase.HELD, "service")


def test_down_to_releasing() -> None:
    assert Walk().to_down().order(Order.RELEASE).phase is Phase.RELEASING


def test_releasing_to_resolved() -> None:
    walk = Back().to_resolved()
    assert walk.phase is Phase.RESOLVED
    assert walk.told[-1] is NoticeKind.RECOVERED


def test_releasing_to_down() -> None:
    assert Back().to_releasing().order(Order.DISMISS).phase is Phase.DOWN


def test_fencing_to_releasing() -> None:
    walk = Back().to_watching().hear("zabbix").show().elapse(10)
    walk.hear("prometheus", verdict=Verdict.UP)
    assert walk.phase is Phase.RELEASING


def test_releasing_to_fencing() -> None:
    walk = Back().to_watching().hear("zabbix").elapse(10)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)


def test_releasing_to_held() -> None:
    walk = Back().to_releasing().elapse(900)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")


def test_held_to_releasing() -> None:
    walk = Back().to_releasing().elapse(900).order(Order.RELEASE)
    assert walk.phase is Phase.RELEASING


def test_held_to_fencing() -> None:
    assert Walk().to_held().order(Order.FENCE).phase is Phase.FENCING


def test_held_to_forcing_down() -> None:
    assert by_hand().order(Order.CONFIRM_OFF, 60).phase is Phase.FORCING_DOWN


def test_held_to_dismissed() -> None:
    assert by_hand().order(Order.DISMISS).phase is Phase.DISMISSED


def test_every_step_has_its_test() -> None:
    phases = "|".join(Phase)
    named = {name for name in globals() if re.fullmatch(f"test_({phases})_to_({phases})", name)}
    assert named == {f"test_{one}_to_{two}" for one in SUCCESSORS for two in SUCCESSORS[one]}


def test_a_whole_failure_from_the_first_word_to_the_end() -> None:
    walk = Walk()
    began: Instant = walk.now
    walk.to_fencing().identify().look().cut(Outcome.ACCEPTED).prove().put()
    walk.look(state="down", forced_down=True, status="disabled").list("web")
    walk.order(Order.CLOSE).look(forced_down=False)
    assert walk.phase is Phase.RESOLVED
    assert walk.now.since(began) == 13.5  # grace, cut, three reads, PUT, and the operator's second
    assert [entry.text for entry in walk.incident.timeline] == [
        "alertmanager says down (alertmanager-kind): HostDown; failure domain rack-1",
        "still down after 10 s of grace, and the evidence is enough",
        "every gate is open: cutting the power by redfish bmc",
        "bmc: cut accepted: 204",
        "proven off: bmc said off 3 times over 2.0 s",
        "force-down accepted: 200",
        "Nova has it forced down and disabled (read back)",
        "Nova lists 1 servers on the host",
        "close by ann: because I looked; looking at Nova first",
        "ended by ann: because I looked; forced_down is not ours any more",
    ]
