"""What holds for every incident, whatever is observed in whatever order.

After each observation of the world in `world.py`, everything that must always hold is checked.
"""

from hypothesis import settings
from hypothesis.stateful import invariant

from doctor_daemon.core.decide import advance
from doctor_daemon.core.due import due
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import WORDS_MAX
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.messages import (
    Crashed,
    Cut,
    Evacuate,
    ForceDown,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.preconditions import REPORTS
from doctor_daemon.core.proof import Proof, ProofKind, proven
from doctor_daemon.core.release import Lift, Step
from doctor_daemon.core.tries import READINGS_MAX
from tests.core import make
from tests.core.moving_world import MovingWorld


class Properties(MovingWorld):
    """A world that is watched."""

    @invariant()
    def i1_force_down_only_with_a_fresh_proof(self) -> None:
        incident, context = self.walk.incident, self.walk.context
        if self.due(ForceDown):
            proof = incident.proof
            assert incident.phase is Phase.FORCING_DOWN
            assert proof is not None
            assert not context.now.reached(proof.valid_until)
            refusal = refused(Act.FORCE_DOWN, incident, context)
            assert refusal is None or refusal.gate != "proof"

    @invariant()
    def i6_a_power_proof_is_made_of_reads_of_off(self) -> None:
        proof: Proof | None = self.walk.incident.proof
        if proof is None or proof.kind is ProofKind.HUMAN:
            return
        assert proof.devices
        assert proof.incident == self.walk.incident.id
        for part in proof.devices:
            after = part.readings[0].asked_at
            assert proven(part.readings, after, self.walk.context.policy.rule) == part.readings
            assert part.identity.uuid == make.UUID
            assert proof.taken_at.boot_s <= part.readings[-1].asked_at.boot_s

    @invariant()
    def i11_cuts_only_past_the_point_of_no_return(self) -> None:
        incident = self.walk.incident
        if self.due(Cut):
            assert incident.phase is Phase.FENCING
            assert incident.cut_started is not None
            assert self.walk.attempt.go_at is not None
            assert incident.charged

    @invariant()
    def i2_requests_only_by_a_saved_record_of_a_host_that_is_being_evacuated(self) -> None:
        incident = self.walk.incident
        for effect in self.walk.all(Evacuate):
            record = incident.evacuations[effect.server]
            assert incident.phase is Phase.EVACUATING
            assert incident.proof is not None
            assert (record.stage, record.attempt) == (Stage.POSTING, effect.attempt)

    @invariant()
    def c7_a_server_has_one_evacuation_of_ours_at_most(self) -> None:
        for server in self.walk.incident.evacuations:
            assert len(self.open_rows(server)) <= 1

    @invariant()
    def c8_moved_is_really_moved(self) -> None:
        records = self.walk.incident.evacuations.items()
        moved = {id_ for id_, record in records if record.stage is Stage.MOVED}
        assert not moved & set(self.walk.there)

    @invariant()
    def l2_what_is_down_has_an_outcome_for_each_server(self) -> None:
        if self.walk.phase is Phase.DOWN:
            records = self.walk.incident.evacuations.values()
            assert all(record.stage.ended for record in records)

    @invariant()
    def i10_the_flag_is_lifted_only_with_no_evacuation_left(self) -> None:
        release = self.walk.incident.release
        if self.due(Lift):
            assert self.walk.phase is Phase.RELEASING
            assert (release.step, release.put) == (Step.LIFTING, None)
            assert not release.open
            assert not release.done
            assert release.reports >= REPORTS

    @invariant()
    def i19_forcing_down_only_with_a_proof(self) -> None:
        incident = self.walk.incident
        if incident.phase in (Phase.FORCING_DOWN, Phase.EVACUATING):
            assert incident.proof is not None
        if incident.phase in (Phase.SUSPECTED, Phase.FENCING):
            assert incident.proof is None

    @invariant()
    def i20_everything_is_bounded(self) -> None:
        incident = self.walk.incident
        assert len(incident.words) <= WORDS_MAX
        devices = incident.fencing.devices.values() if incident.fencing else ()
        assert all(len(device.readings) <= READINGS_MAX for device in devices)

    @invariant()
    def held_says_why_and_nothing_else_does(self) -> None:
        incident = self.walk.incident
        assert (incident.held is not None) is (incident.phase is Phase.HELD)

    @invariant()
    def waits_are_for_later(self) -> None:
        assert all(left_s > 0 for left_s in self.walk.waits)

    @invariant()
    def working_incidents_have_something_due(self) -> None:
        assert self.rests() or self.walk.due

    @invariant()
    def what_was_answered_is_never_due_again(self) -> None:
        assert not self.spent & set(self.walk.due)

    @invariant()
    def what_is_due_is_stable(self) -> None:
        assert due(self.walk.incident, self.walk.context) == self.walk.due

    @invariant()
    def what_is_over_stays_as_it_is(self) -> None:
        incident, context = self.walk.incident, self.walk.context
        if incident.phase.final:
            assert self.walk.due == ()
            assert advance(incident, Crashed("KeyError"), context) is incident

    def teardown(self) -> None:
        """L-2: once the world answers, every incident comes to an end, or to a human."""
        for _ in range(300):
            if self.rests():
                break
            self.go_on()
        assert self.rests()


TestProperties = Properties.TestCase
TestProperties.settings = settings(max_examples=200, stateful_step_count=50)
