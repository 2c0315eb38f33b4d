"""nova-compute is down, and its host is alive (A9): told as that, and nothing is cut for it."""

from typing import Any

import pytest

from doctor_daemon.core.corroboration import Corroboration, ServiceDown
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Look
from doctor_daemon.core.notices import notices
from doctor_daemon.core.phases import Phase
from tests.core.make import at, evidence, incident, plan
from tests.core.walk import Walk

UP, DOWN = Verdict.UP, Verdict.DOWN
TOLD = [NoticeKind.SUSPECTED, NoticeKind.WITHDRAWN, NoticeKind.SERVICE]


def nova(trust: Trust = Trust.ALONE, **need: Any) -> Walk:  # noqa: ANN401 - what the group says
    """Let Nova call the service down, and nobody else anything."""
    said = evidence(source="nova", kind="nova", trust=trust)
    return Walk(incident(said), plan=plan(corroboration=Corroboration(**need)))


def again(walk: Walk, verdict: Verdict = DOWN) -> Walk:
    return walk.hear("nova", kind="nova", verdict=verdict)


def ping(walk: Walk, verdict: Verdict = UP) -> Walk:
    return walk.hear("ping", kind="ping", verdict=verdict, trust=Trust.SECOND)


def lone(**need: Any) -> Walk:  # noqa: ANN401 - what the group says
    """Walk to where the host answers pings, and its service is down."""
    return ping(nova(**need).look().wait(5))


def test_a9_the_suspicion_is_taken_back_and_told_as_what_it_is() -> None:
    walk = lone()
    assert (walk.phase, walk.incident.service_since) == (Phase.SUSPECTED, at(5))
    assert walk.incident.contradicted_at is None
    assert walk.told == TOLD
    assert walk.said == (
        "cmp-1 is alive, and its nova-compute is down: ping (ping) has seen it alive, and nova "
        "(nova) calls the service down. It is not fenced; its servers run unmanaged"
    )
    told = [(one.kind, one.fenced) for one in notices(walk.incident, 0, walk.context)]
    assert [one for one in told if one[0] is not NoticeKind.SUSPECTED] == [
        *[(NoticeKind.WITHDRAWN, "no")] * 2,
        *[(NoticeKind.SERVICE, "no")] * 2,
    ]


def test_a9_it_is_told_once_and_nothing_is_cut_and_at_last_a_human_is_asked() -> None:
    walk = lone()
    for _ in range(44):
        again(ping(walk.elapse(20)))
        assert (walk.phase, walk.incident.cut_started) == (Phase.SUSPECTED, None)
    assert walk.told == TOLD
    walk.elapse(20)
    assert (walk.phase, walk.gate) == (Phase.HELD, "compute")
    assert walk.incident.service_since is None
    assert ping(walk).phase is Phase.HELD
    assert again(walk, UP).phase is Phase.DISMISSED


def test_l2_life_that_comes_and_goes_does_not_put_a_human_off_for_ever() -> None:
    walk = lone()
    for _ in range(13):
        again(ping(walk)).elapse(59.5)
        again(walk).elapse(5.5)
        assert walk.phase is Phase.SUSPECTED
    again(ping(walk)).elapse(50)
    assert (walk.phase, walk.gate, walk.now) == (Phase.HELD, "compute", at(900))


@pytest.mark.parametrize("verdict", [UP, Verdict.WITHDRAWN])
def test_a9_it_ends_by_itself_when_the_service_is_back(verdict: Verdict) -> None:
    walk = again(lone().elapse(20), verdict)
    assert walk.phase is Phase.DISMISSED
    assert walk.told[-1] is NoticeKind.WITHDRAWN


def test_a9_it_is_looked_at_now_and_then_and_ends_when_nova_compute_reports_in() -> None:
    walk = lone()
    assert walk.all(Look) == []
    assert sorted(walk.waits) == [25.0, 60.0]
    ping(walk.elapse(25))
    assert walk.look().phase is Phase.SUSPECTED
    ping(walk.elapse(30))
    assert walk.look(updated_s=1010.0).phase is Phase.DISMISSED


def test_a9_without_a_sign_of_life_it_is_a_suspicion_like_any_other_and_the_grace_anew() -> None:
    walk = lone().wait(1)
    again(walk).elapse(59)
    assert (walk.phase, walk.incident.service_since) == (Phase.SUSPECTED, None)
    assert walk.told == [*TOLD, NoticeKind.SUSPECTED]
    assert walk.said == "not nova-compute alone, it seems: nobody sees it alive"
    assert walk.elapse(9.75).phase is Phase.SUSPECTED
    assert walk.elapse(0.25).phase is Phase.FENCING


def test_a9_when_monitoring_calls_it_down_too_they_contradict_each_other() -> None:
    walk = lone().wait(1).hear()
    assert walk.incident.service_since is None
    assert walk.incident.contradicted_at == walk.now
    assert walk.told == [*TOLD, NoticeKind.SUSPECTED]


def test_a9_when_the_host_falls_silent_too_it_is_called_down_by_two_kinds() -> None:
    walk = ping(lone().wait(20), DOWN)
    assert walk.told[-1] is NoticeKind.SUSPECTED
    assert walk.elapse(10).phase is Phase.FENCING


def test_a9_what_nobody_has_said_for_long_is_over() -> None:
    walk = lone()
    for _ in range(15):
        ping(walk.elapse(20))
    assert walk.phase is Phase.DISMISSED
    assert walk.said.startswith("nobody has said for long that its nova-compute is down")


def test_a9_monitoring_that_calls_it_down_while_nova_hears_it_ends_as_before() -> None:
    walk = Walk().look().to_fencing().identify().look(updated_s=1010.0)
    assert walk.phase is Phase.DISMISSED


def test_a9_a_group_may_have_a_human_asked_at_once() -> None:
    walk = lone(service_down=ServiceDown.HOLD)
    assert (walk.phase, walk.gate) == (Phase.HELD, "compute")
    assert walk.told == [*TOLD, NoticeKind.HELD]


def test_a9_once_the_cut_is_prepared_a_human_is_asked() -> None:
    walk = ping(nova().to_fencing())
    assert (walk.phase, walk.gate) == (Phase.HELD, "compute")
    assert walk.incident.cut_started is None


def test_a9_a_group_may_have_it_fenced_all_the_same() -> None:
    walk = lone(service_down=ServiceDown.FENCE)
    assert walk.incident.service_since is None
    assert walk.elapse(5).phase is Phase.FENCING
    assert ping(walk).identify().look().incident.cut_started is not None


def test_a9_fenced_for_its_service_it_still_takes_enough_evidence() -> None:
    walk = lone(trust=Trust.SECOND, service_down=ServiceDown.FENCE)
    assert walk.elapse(125).gate == "evidence"
    mixed = lone(service_down=ServiceDown.FENCE).wait(1).hear()
    assert mixed.incident.contradicted_at == mixed.now


def test_a9_a_restart_keeps_it_and_another_boot_weighs_it_anew() -> None:
    walk = lone()
    assert walk.reboot().incident.service_since is None
    assert walk.told[-1] is NoticeKind.SUSPECTED
