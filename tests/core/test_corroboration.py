"""How much evidence a group of hosts needs, as an incident meets it."""

from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.phases import Phase
from tests.core.make import evidence, incident, plan
from tests.core.walk import Walk

WEAK = evidence(trust=Trust.SECOND)


def test_a_group_of_hosts_may_need_more_kinds() -> None:
    needy = plan(corroboration=Corroboration(kinds=3, alone=frozenset()))
    walk = Walk(plan=needy).elapse(10).hear(source="ping")
    assert walk.phase is Phase.SUSPECTED
    assert walk.hear(source="pacemaker").phase is Phase.FENCING


def test_a5_a_source_may_be_believed_for_a_shorter_time_than_others() -> None:
    short = plan(corroboration=Corroboration(ages={"alertmanager": 5.0}))
    walk = Walk(plan=short).elapse(10)
    assert walk.phase is Phase.SUSPECTED
    assert walk.hear().phase is Phase.FENCING


def test_e1_what_was_enough_and_is_not_any_more_cuts_nothing() -> None:
    walk = Walk(incident(WEAK)).hear(source="ping", trust=Trust.SECOND).to_fencing()
    walk.hear(source="ping", trust=Trust.SECOND, verdict=Verdict.WITHDRAWN).identify().look()
    assert (walk.phase, walk.gate) == (Phase.HELD, "evidence")
    assert walk.incident.cut_started is None
    assert walk.incident.held is not None
    assert walk.incident.held.why == (
        "the evidence against cmp-1 is not enough any more: 1 kind of evidence "
        "(alertmanager-kind), and it takes 2, or one that is enough alone"
    )
