"""The judge: checks the world against the invariants, never the daemon's view of itself.

What it takes from the daemon is only what is durable: the store's content at the moment an effect
is sent. Each violation is a sentence that begins with the invariant's number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.holding import Word
from doctor_daemon.core.host import Device, HostId, Mode, ServerId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import SUCCESSORS, Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Proof, ProofKind
from doctor_daemon.core.tries import Try
from doctor_daemon.ports import Change, NoticeRow
from tests.simulation.budget import over_budget
from tests.simulation.clocks import Clocks
from tests.simulation.crash import Boundaries
from tests.simulation.disk import Disk
from tests.simulation.evidence import Said, begun_wrongly, seen_alive
from tests.simulation.insisting import Insisting
from tests.simulation.leases import Lease
from tests.simulation.masses import MassWatch
from tests.simulation.proofs import unproven
from tests.simulation.rebuilds import Rebuilds, moved_wrongly
from tests.simulation.tags import Doomed, beside, hasty, unwanted
from tests.simulation.windows import Window
from tests.simulation.world import Machine, World

_SENDING = (Phase.FORCING_DOWN, Phase.EVACUATING)
BOUND_S = 1.0
"""How long after a switch was thrown an effect may still be sent: the age of a permit."""
ROUNDING_S = 1e-3
LOOK_RACE_S = 8.0
"""A foreign write so shortly before our PUT cannot be seen: Nova has no compare-and-set."""
UNSEEN_S = 30.0
"""A flag that somebody else has set and cleared so shortly before may have been seen by no look."""


class Oracle:
    """Watches every commit, every cut and every PUT."""

    def __init__(
        self, world: World, disk: Disk, clock: Clocks, boundaries: Boundaries, policy: Policy
    ) -> None:
        self.world, self.disk, self.clock = world, disk, clock
        self.boundaries, self.policy, self.violations = boundaries, policy, list[str]()
        self.edges: set[tuple[Phase, Phase]] = set()
        self.notices: dict[str, NoticeRow] = {}
        self.upkeep: dict[HostId, str] = {}
        self.disarmed_since: float | None = 0.0
        self.maintenance: dict[HostId, Window] = {}
        self.alive = defaultdict[str, dict[str, Instant]](dict)
        """Incident -> source -> when it was told of life last, before any cut was saved."""
        self.opened_by = Counter[str]()
        self.said = Said()
        self.accused: list[tuple[IncidentId, str]] = []
        """(incident, source) of all evidence against a host that its sender heard was taken."""
        self.shut: dict[HostId, tuple[float, Try]] = {}
        """Host -> the last try whose gates had been open, and when it was given up."""
        self.rounds: dict[str, float] = {}
        """Round of cuts -> when it was decided, and so taken from the budget."""
        self.cuts: dict[str, HostId] = {}
        """Rounds of which a cut was really sent."""
        self.left: dict[HostId, tuple[float, Incident]] = {}
        """Host -> the incident as it was when it left FORCING_DOWN, or EVACUATING."""
        self.gone: dict[HostId, float] = {}
        """Host -> when its incident was last neither DOWN nor RELEASING any more."""
        self.lease: Lease | None = None
        """Who leads, of several daemons; None: there is one."""
        self.rebuilds, self.masses = Rebuilds(world), MassWatch(self.check)
        self.insisting, self.doomed = Insisting(world), Doomed(world, policy)
        self.tells: Callable[[str], None] = lambda text: None
        """Hears of each violation."""
        disk.watch, world.twice = self.committed, self.runs_twice

    @property
    def mode(self) -> Mode:
        """The mode in which the daemon was started that this runs in."""
        return self.boundaries.pauses.own().mode

    def wrong(self, text: str) -> None:
        self.violations.append(f"{self.world.now():.1f} s: {text}")
        self.tells(text)

    @property
    def unaware_s(self) -> float:
        """For how long a daemon's clocks have stood still of late, which it cannot know."""
        return self.clock.mine().unaware_s()

    def check(self, invariant: str, holds: bool, text: str) -> None:  # noqa: FBT001 - an assertion
        if not holds:
            self.wrong(f"{invariant}: {text}")

    def committed(self, before: Incident | None, change: Change) -> None:
        """Check one commit: the path through the diagram, new proofs, new notices."""
        for row in change.notices:
            self.check("L-4", row.id not in self.notices, f"notice {row.id} was made twice")
            self.notices[row.id] = row
        self.masses.committed(change, self.world.now())
        for one in change.upkeep:
            self.check("L-4", self.upkeep.get(one.host, "ended") != one.turn, "told again")
            self.upkeep[one.host] = one.turn
        after = change.head
        if after is None:
            return
        self._path(before, after)
        self._remember(before, after)
        if after.phase in (Phase.FORCING_DOWN, Phase.EVACUATING):
            self.check("I-19", after.proof is not None, f"{after.phase} without a proof")
        for text in moved_wrongly(before, after, self.world.machines[after.host]):
            self.wrong(text)
        if after.proof and (before is None or before.proof != after.proof):
            machine = self.world.machines[after.host]
            for text in unproven(after, after.proof, machine, self.policy, self.clock):
                self.wrong(text)
        for text in self.doomed.committed(before, after, self.clock.world_s):
            self.wrong(text)
        others = [i for i in self.disk.saved.values() if i.host == after.host and not i.phase.final]
        self.check("I-4", len(others) <= 1, f"{len(others)} open incidents of {after.host}")

    def _path(self, before: Incident | None, after: Incident) -> None:
        """Check every step through the diagram."""
        start = [before.phase] if before else [Phase.SUSPECTED]
        known = len(before.timeline) if before else 0
        path = [*start, *(entry.phase for entry in after.timeline[known:])]
        for one, two in pairwise(path):
            if one is not two:
                self.edges.add((one, two))
                self.check("I-19", two in SUCCESSORS[one], f"{one} -> {two}")
        told = f"the timeline ends in {path[-1]}, not {after.phase}"
        self.check("I-19", path[-1] is after.phase, told)

    def _remember(self, before: Incident | None, after: Incident) -> None:
        """Remember what a permit may still have been given for, and what was charged."""
        now = self.world.now()
        if len(after.charges) > (len(before.charges) if before else 0):
            decided_s = self.clock.world_s(after.charges[-1])  # the save took some time
            self.rounds[f"{after.id}/{len(after.charges)}"] = decided_s
        if before is None:
            return
        if after.held and after.held.gate == "flaps" and before.held is None:
            self.world.swarm.note("came-back-too-often")
        cut = begun_wrongly(before, after, self.world, self.policy)
        for text in (*cut, *self.insisting.held(before, after)):
            self.wrong(text)
        if before.release.again and after.charged and not before.charged:
            accused = self.said.accused(after, self.clock.world_s)
            self.check("I-14", accused, f"{after.host} is in use, seen alive, and cut")
        begun = before.fencing if before.fencing and before.fencing.go_at else None
        if begun and (after.fencing is None or after.fencing.number != begun.number):
            self.shut[after.host] = (now, begun)
        if before.phase in _SENDING and after.phase is not before.phase:
            self.left[after.host] = (now, before)
        back = (Phase.DOWN, Phase.RELEASING)
        if before.phase in back and after.phase not in back:
            self.gone[after.host] = now
        if before.phase is Phase.RELEASING and after.phase is Phase.RESOLVED:
            self.heard_since_lift(self.world.machines[after.host])

    def heard_since_lift(self, machine: Machine) -> None:
        """Check that a host is in use again only after it has reported in without its flag."""
        raced = self.world.now() - machine.row.foreign_at <= UNSEEN_S + self.unaware_s
        heard = machine.beat_at > machine.row.lifted_at or raced
        self.check("I-10", heard, f"{machine.id} has not reported in since its flag was lifted")

    def cut_sent(self, machine: Machine, device: Device) -> None:
        """Check a cut at the moment in which it leaves the daemon."""
        now, plan = self.world.now(), machine.plan
        saved = self.disk.open_for(machine.id)
        self._switches("cut", machine)
        self.check("I-7", not plan.protected, f"cut of protected {machine.id}")
        mode = min(plan.mode, self.mode)
        self.check("I-7", mode >= Mode.FENCE, f"cut of {machine.id} in mode {mode.name}")
        if saved is None or saved.cut_started is None or saved.fencing is None:
            self.wrong(f"I-11: cut of {machine.id} before it was saved")
            return
        fencing = saved.fencing
        at, given_up = self.shut.get(machine.id, (-1e9, fencing))
        if fencing.go_at is None and now - at <= BOUND_S:
            fencing = given_up  # sent with the permit of the try before, which still held
        self.check("I-11", fencing.go_at is not None, "cut without an open gate saved")
        for text in seen_alive(self.alive[saved.id], saved, plan, self.policy, self.clock.now()):
            self.wrong(text)
        self.check("I-8", saved.charged, f"cut of {machine.id} that was not charged")
        identity = fencing.device(device.name).identity
        self.check("I-7", identity is not None and identity.uuid == device.uuid, "unknown chassis")
        if not self.masses.passed(saved, now, BOUND_S):
            self.cuts[f"{saved.id}/{len(saved.charges)}"] = machine.id
        window_s = self.policy.budget_window_s
        recent = [host for one, host in self.cuts.items() if now - self.rounds[one] < window_s]
        for text in over_budget(recent, self.world, self.policy):
            self.wrong(text)

    def _switches(self, what: str, machine: Machine) -> None:
        now, since = self.world.now(), self.disarmed_since
        off = since is not None and now - since > BOUND_S
        self.check("I-15", not off, f"{what} of {machine.id} while disarmed")
        window = self.maintenance.get(machine.id)
        kept = window is not None and window.kept(now, self.clock.now(), BOUND_S)
        self.check("I-7", not kept, f"{what} of {machine.id} under maintenance")

    def as_sent(self, host: HostId, phase: Phase) -> Incident | None:
        """Return what is saved, or was when a permit was given that still held."""
        saved = self.disk.open_for(host)
        left_at, was = self.left.get(host, (-1e9, saved))
        stands = saved is not None and saved.phase is phase
        return saved if stands or self.world.now() - left_at > BOUND_S else was

    def put_sent(self, machine: Machine, *, disable: bool) -> None:
        """Check a force-down at the moment in which it leaves the daemon."""
        now, saved = self.world.now(), self.as_sent(machine.id, Phase.FORCING_DOWN)
        self._switches("force-down", machine)
        self.check("I-7", self.mode >= Mode.FENCE, f"force-down in mode {self.mode.name}")
        if saved is None or saved.proof is None or saved.phase is not Phase.FORCING_DOWN:
            self.wrong(f"I-1: force-down of {machine.id} without a saved proof")
            return
        proof, age_s = saved.proof, self.clock.now().since(saved.proof.taken_at)
        over_s = self.clock.now().since(proof.valid_until)
        fresh = proof.kind is ProofKind.HUMAN or age_s <= self.policy.proof_age_s + BOUND_S
        self.check("I-1", fresh, f"the proof was {age_s:.1f} s old")
        self.check("I-1", over_s <= BOUND_S, f"the proof was over for {over_s:.1f} s")
        older = proof.taken_at.since(saved.opened_at) < 0
        self.check("I-1", not older, "the proof is older than the incident")
        self.check("I-1", proof.incident == saved.id, "the proof is another incident's")
        returned = self.clock.off_at(machine, proof)
        self.check("I-3", not machine.power or returned, f"{machine.id} runs its guests")
        row, foreign_s = machine.row, now - machine.row.foreign_at - self.unaware_s
        theirs = row.foreign_flag and foreign_s > LOOK_RACE_S
        self.check("I-18", not theirs, "forced down although somebody else had done so")
        theirs = row.status == "disabled" and not row.reason.startswith("doctor-daemon:")
        theirs = disable and theirs and foreign_s > LOOK_RACE_S
        self.check("I-18", not theirs, "a foreign disable is overwritten")

    def post_sent(self, server: ServerId) -> None:
        """Check a request to evacuate at the moment in which it leaves the daemon."""
        machine = next(m for m in self.world.machines.values() if server in m.servers)
        saved = self.as_sent(machine.id, Phase.EVACUATING)
        self._switches("evacuation", machine)
        mode = min(machine.plan.mode, self.mode)
        self.check("I-7", mode is Mode.EVACUATE, f"{machine.id} may not be evacuated")
        again = self.rebuilds.under_way(server)
        self.check("I-2", not again, f"{server} is evacuated while it is being evacuated")
        record = saved.evacuations.get(server) if saved else None
        if saved is None or saved.proof is None or record is None:
            self.wrong(f"I-2: evacuation of {server} without a saved proof and record")
            return
        self.check("I-11", record.stage is Stage.POSTING, f"{server} is posted as {record.stage}")
        groups = self.world.groups
        for text in unwanted(machine.servers[server], machine, saved, record, groups):
            self.wrong(text)
        if self.world.groups_told:
            for text in beside(server, groups, self.disk.saved.values()):
                self.wrong(text)
        self._word(machine, saved, record)
        self._proof_at_post(machine, saved, saved.proof)

    def _word(self, machine: Machine, saved: Incident, record: Evacuation) -> None:
        """Check that a server is moved neither before its project had its time, nor against it."""
        word = self.world.word(saved.id, machine, record.server.id)
        kept = word is Word.HANDLED
        self.check("C15", not kept, f"{record.server.id} is evacuated although it was handled")
        if word is None:
            for text in hasty(saved, record, machine.plan.selection, self.clock.now()):
                self.wrong(text)

    def _proof_at_post(self, machine: Machine, saved: Incident, proof: Proof) -> None:
        age_s = self.clock.now().since(proof.taken_at)
        over_s = self.clock.now().since(proof.valid_until)
        fresh = proof.kind is ProofKind.HUMAN or age_s <= self.policy.proof_age_s + BOUND_S
        self.check("I-2", fresh and over_s <= BOUND_S, f"evacuation by a proof {age_s:.1f} s old")
        off = self.clock.off_at(machine, proof)
        self.check("I-2", off, f"{machine.id} had power when it was proven off")
        look = saved.sighting
        shown = look is not None and look.forced_down and look.state == "down"
        self.check("I-2", shown, f"{machine.id} was not read back as forced down")

    def runs_twice(self, server: ServerId, hosts: set[HostId]) -> None:
        """Note that a server runs on two hosts."""
        self.wrong(f"I-3: {server} runs on {' and '.join(sorted(map(str, hosts)))}")
