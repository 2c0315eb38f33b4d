"""The diagram itself."""

import pytest

from doctor_daemon.core.phases import SUCCESSORS, Phase


def test_every_phase_is_in_the_diagram() -> None:
    assert set(SUCCESSORS) == set(Phase)


@pytest.mark.parametrize("phase", Phase)
def test_an_incident_is_over_exactly_where_nothing_follows(phase: Phase) -> None:
    assert phase.final == (not SUCCESSORS[phase])


def test_every_phase_can_be_reached_from_the_first_and_leads_to_an_end() -> None:
    reached = {Phase.SUSPECTED}
    for _ in Phase:
        reached |= {after for phase in reached for after in SUCCESSORS[phase]}
    assert reached == set(Phase)
    ending = {phase for phase in Phase if phase.final}
    for _ in Phase:
        ending |= {phase for phase in Phase if ending & SUCCESSORS[phase]}
    assert ending == set(Phase)


def test_c2_nothing_but_a_proof_stands_between_fencing_and_forcing_down() -> None:
    """Whoever is forced down has come from fencing, or by a human's proof."""
    assert {phase for phase in Phase if Phase.FORCING_DOWN in SUCCESSORS[phase]} == {
        Phase.FENCING,
        Phase.HELD,
    }
    assert {phase for phase in Phase if Phase.DOWN in SUCCESSORS[phase]} == {
        Phase.FORCING_DOWN,
        Phase.EVACUATING,
        Phase.RELEASING,  # where the flag still stands
    }


def test_c9_servers_are_evacuated_only_from_a_host_that_was_just_forced_down() -> None:
    assert {phase for phase in Phase if Phase.EVACUATING in SUCCESSORS[phase]} == {
        Phase.FORCING_DOWN
    }
    assert Phase.FENCING in SUCCESSORS[Phase.EVACUATING]
