"""The operator's limits: every loop, every wait and every count has one.

The defaults are the shipped numbers. The configuration refuses values that would be unsafe
together and says the smallest that would be safe; this module only holds them.
"""

from __future__ import annotations

from dataclasses import dataclass

from doctor_daemon.core.proof import Rule


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of the decisions. All times are seconds."""

    grace_s: float = 10.0
    """From the first suspicion to the first thought of fencing: time to take it back."""
    corroboration_s: float = 120.0
    """How long a suspicion may wait for a second kind of evidence before a human is asked."""
    warm_up_s: float = 60.0
    """From the daemon's start to its first power cut: time to see how all hosts stand."""
    dump_wait_s: float = 120.0
    """How long, from the suspicion on, a host may write its crash dump before its power is cut."""
    evidence_age_s: float = 300.0
    """Evidence older than this neither opens an incident nor supports a cut."""
    life_age_s: float = 60.0
    """So long a sign of life keeps a host from being cut, though another kind says down again."""
    contradiction_s: float = 120.0
    """How long such a suspicion may wait for one of the two to give in before a human is asked."""
    look_age_s: float = 5.0
    """The look at the host just before a cut may be no older than this."""
    own_age_s: float = 10.0
    """What is known of our own side may be no older than this when power is cut."""
    looks_max: int = 6
    """Failed looks at the host in a row before a human is asked."""
    off_reads: int = 3
    off_hold_s: float = 2.0
    read_every_s: float = 1.0
    """Between reads of a power device that is not OFF yet, at most; just after the cut less."""
    off_timeout_s: float = 30.0
    """From the first cut of a try to its proof; then the try has failed."""
    tries_per_level: int = 2
    proof_age_s: float = 30.0
    """A power proof older than this is read again before force-down."""
    refences_max: int = 2
    """How often a host whose power returned is fenced again before a human is asked."""
    force_down_tries: int = 20
    backoff_s: float = 1.0
    backoff_max_s: float = 30.0
    progress_s: float = 900.0
    """No phase that works lasts longer than this without progress: a human is asked."""
    budget_window_s: float = 900.0
    budget_per_domain: int = 2
    budget_total: int = 4
    human_proof_max_s: float = 3600.0
    mass_total: int = 10
    """So many hosts of the fleet that look dead are too many to be."""
    mass_ratio: float = 0.5
    """And so large a share of them."""
    mass_per_domain: int = 5
    """The same count for one failure domain."""
    mass_domain_ratio: float = 0.5
    """And the same share of one."""
    mass_ratio_from: int = 3
    """From how many dead hosts on a share is asked about at all."""
    mass_all_from: int = 2
    """From how large a fleet on it cannot be that all its hosts are dead."""
    mass_cool_down_s: float = 300.0
    """How long that has to be over before power is cut again."""
    posts_total: int = 16
    """Requests to evacuate a server that may be on their way at a time, of all hosts."""
    posts_per_host: int = 8
    """Requests to evacuate a server that one host may have on their way at a time."""
    evacuation_tries: int = 3
    """How often a server is tried to be evacuated before a human is asked."""
    no_host_tries: int = 3
    """The same for a server for which no other host has room."""
    no_host_wait_s: float = 15.0
    """How long it is waited for room before such a server is tried again."""
    evacuation_timeout_s: float = 600.0
    """How long the evacuation of one server may take before its outcome is called unknown."""
    settle_s: float = 60.0
    """After a lost answer, how long Nova is believed to be able to begin the evacuation still."""
    follow_every_s: float = 2.0
    """Between two questions about the evacuations that are under way."""
    guard_every_s: float = 5.0
    """Between two reads of the power while servers are evacuated."""
    others_wait_s: float = 60.0
    """How long after another host was said to be dead Nova may still choose it."""
    flag_age_s: float = 30.0
    """A server is only evacuated if forced_down was read back within this time."""
    release_every_s: float = 10.0
    """Between two questions about a host on its way back."""
    watch_s: float = 60.0
    """How long a host whose flag was lifted is watched before it is enabled."""
    quarantine_s: float = 300.0
    """How long a host has to be seen alive without a gap before it is released without an order."""
    flaps_max: int = 2
    """How often a host may be given back in `flap_window_s` before it takes an order."""
    flap_window_s: float = 86_400.0
    quiet_s: float = 120.0
    """How long a host that has come back is left to settle before its power is cut again."""
    fences_max: int = 3
    """How often a host may come back in `flap_window_s` before its next cut takes an order."""
    enable: bool = True
    """Whether a host on its way back is enabled, if this incident has disabled it."""

    @property
    def rule(self) -> Rule:
        """The reads that prove OFF, before a device's own quirk is added."""
        return Rule(self.off_reads, self.off_hold_s)

    def backoff(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row (from 1)."""
        doublings = min(failures - 1, 16)
        return min(self.backoff_s * 2.0**doublings, self.backoff_max_s)
