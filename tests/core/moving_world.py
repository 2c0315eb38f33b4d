"""A world with servers in it: a Nova that loses answers, acts late, and works for others too.

It keeps the truth about every request of ours: which evacuation came of it, or may still come.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import (
    Crashed,
    Evacuate,
    EvacuateEnded,
    Failed,
    Follow,
    Inspect,
    Look,
    Observation,
    Refused,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.posting import overtaken
from doctor_daemon.core.selection import stays
from doctor_daemon.core.tries import Outcome
from tests.core.world import World, outcomes, truths

picks = st.integers(0, 7)
statuses = st.sampled_from(("pre-migrating", "done", "done", "failed", "error", "strange"))
ASKED = (Inspect, Follow)


class MovingWorld(World):
    """A world whose hosts may be evacuated."""

    def __init__(self) -> None:
        super().__init__()
        self.running: set[Evacuate] = set()
        """Requests that are on their way: they run on, whatever the incident comes to."""
        self.lost: dict[Evacuate, Instant] = {}
        """Requests whose answer was lost, and until when Nova may still act on each."""
        self.ours: dict[ServerId, set[int]] = {}
        """Server -> the migrations that came of our requests."""

    def begun(self) -> None:
        self.running |= set(self.walk.all(Evacuate))
        for id_, one in self.walk.rows.items():
            self.ours.setdefault(ServerId(one.server), set()).add(id_)

    def open_rows(self, server: ServerId) -> list[int]:
        """Return our migrations of a server that Nova has not ended."""
        rows = self.walk.rows
        return [id_ for id_ in self.ours.get(server, ()) if not rows[id_].ended]

    def see(self, observation: Observation) -> None:
        super().see(observation)
        self.i2_each_new_request_is_let_through_and_the_only_one_of_its_server()

    @invariant()
    def i2_each_new_request_is_let_through_and_the_only_one_of_its_server(self) -> None:
        walk = self.walk
        for effect in set(walk.all(Evacuate)) - self.running:
            assert refused(Act.EVACUATE, walk.incident, walk.context) is None
            server = walk.incident.evacuations[effect.server].server
            assert stays(server, walk.context.plan.selection) == ""
            assert self.open_rows(effect.server) == []
            late = [u for one, u in self.lost.items() if one.server == effect.server]
            assert all(walk.now.reached(until) for until in late)
            self.running.add(effect)

    # Nova

    def appear(self, server: ServerId, *, ours: bool = True) -> None:
        """Let an evacuation begin, if the server is still there."""
        id_ = max(self.walk.rows, default=0) + 1
        if server in self.walk.there:
            self.walk.begins(id_, server.removeprefix("id-"))
            if ours:
                self.ours.setdefault(server, set()).add(id_)

    @precondition(lambda self: self.walk.rows)
    @rule(pick=picks, status=statuses)
    def turn(self, pick: int, status: str) -> None:
        open_ = [id_ for id_, one in self.walk.rows.items() if not one.ended]
        for id_ in open_[pick : pick + 1]:
            self.walk.turns(id_, status, vm_state="error" if status == "error" else "active")

    @precondition(lambda self: self.walk.there)
    @rule(pick=picks, kept=truths)
    def interfere(self, pick: int, *, kept: bool) -> None:
        """Let somebody else begin an evacuation, or delete a server."""
        there = sorted(self.walk.there)
        server = there[pick % len(there)]
        if kept:
            self.appear(server, ours=False)
        else:
            self.walk.leaves(server.removeprefix("id-"))

    @precondition(lambda self: self.lost)
    @rule(pick=picks)
    def act_late(self, pick: int) -> None:
        """Let a request whose answer was lost be acted on after all."""
        effect = sorted(self.lost, key=repr)[pick % len(self.lost)]
        if not self.walk.now.reached(self.lost.pop(effect)):
            self.appear(effect.server)

    # answers

    @precondition(lambda self: self.running)
    @rule(pick=picks, outcome=outcomes, sent=truths, bug=st.sampled_from((False,) * 7 + (True,)))
    def end_request(self, pick: int, outcome: Outcome, *, sent: bool, bug: bool) -> None:
        effect = sorted(self.running, key=repr)[pick % len(self.running)]
        self.running.discard(effect)
        self.spent.add(effect)
        if not sent or (
            outcome is Outcome.UNSENT and overtaken(self.walk.incident, effect, self.walk.context)
        ):
            self.see(Refused(effect, "armed", "shut just before"))
            return
        if effect.server not in self.walk.there:
            outcome = Outcome.REFUSED
        if bug or outcome is Outcome.UNKNOWN:
            self.lost[effect] = self.walk.now.plus(self.walk.context.policy.settle_s)
        elif outcome is Outcome.ACCEPTED:
            self.appear(effect.server)
        ended = EvacuateEnded(effect, outcome, "answer", self.walk.now)
        self.see(Crashed("KeyError", effect) if bug else ended)

    @precondition(lambda self: self.due(*ASKED))
    @rule(well=truths, untouched=truths)
    def tell(self, *, well: bool, untouched: bool) -> None:
        """Let Nova answer; in what has changed, what no scheduler has touched may be missing."""
        (effect,) = self.due(*ASKED)
        self.spent.add(effect)
        if not well:
            self.see(Failed(effect, "503"))
            return
        if isinstance(effect, Inspect):
            self.walk.inspect()
        else:
            accepted = (id_ for id_, one in self.walk.rows.items() if one.status == "accepted")
            self.walk.follow(untouched=tuple(accepted) if untouched else ())

    @precondition(lambda self: self.walk.phase is Phase.EVACUATING and self.due(Look))
    @rule(forced_down=truths)
    def read_back(self, *, forced_down: bool) -> None:
        self.spent |= set(self.due(Look))
        self.walk.flag(forced_down=forced_down)

    def restart(self) -> None:
        """Let the daemon die: what was on its way may be acted on."""
        died, self.running = self.running, set()
        super().restart()
        until = self.walk.now.plus(self.walk.context.policy.settle_s)
        self.lost = dict.fromkeys([*self.lost, *died], until)
        self.spent |= died

    def help(self) -> None:
        """Let everything go well: each server is moved."""
        walk = self.walk
        for effect in list(self.running):
            self.running.discard(effect)
            self.spent.add(effect)
            if overtaken(walk.incident, effect, walk.context):
                self.see(Refused(effect, "overtaken", "late"))
            else:
                taken = effect.server in walk.there
                self.appear(effect.server)
                outcome = Outcome.ACCEPTED if taken else Outcome.REFUSED
                self.see(EvacuateEnded(effect, outcome, "answer", walk.now))
        for id_ in [id_ for id_, one in walk.rows.items() if not one.ended]:
            walk.turns(id_, "done")
        for asked in self.due(*ASKED):
            self.spent.add(asked)
            walk.inspect() if isinstance(asked, Inspect) else walk.follow()
            self.i2_each_new_request_is_let_through_and_the_only_one_of_its_server()
