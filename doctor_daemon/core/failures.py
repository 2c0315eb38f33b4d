"""What an attempt to evacuate failed of, and so whether and when there is another one.

Room may come free, but not within a second; a refusal that is about the server itself stays what it
is; anything else may pass. Each kind has its own bound.
"""

from __future__ import annotations

from enum import StrEnum

from doctor_daemon.core.evacuation import Evacuation
from doctor_daemon.core.policy import Policy

NO_VALID_HOST = "no valid host"
"""How Nova's scheduler begins to say that nothing has room, in whatever case."""


class Kind(StrEnum):
    """What an attempt has failed of."""

    PASSING = "passing"
    NO_HOST = "no host"
    FINAL = "final"


def kind_of(record: Evacuation, fault: str) -> Kind:
    """Judge a failed attempt by how Nova answered it, and by what it says of the server."""
    if record.final:
        return Kind.FINAL
    if fault.lower().startswith(NO_VALID_HOST):
        return Kind.NO_HOST
    return Kind.PASSING


def wait_s(kind: Kind, failures: int, policy: Policy) -> float | None:
    """Return the seconds until the next attempt after so many failures; None: there is none."""
    tries = {
        Kind.PASSING: policy.evacuation_tries,
        Kind.NO_HOST: policy.no_host_tries,
        Kind.FINAL: 1,
    }
    if failures >= tries[kind]:
        return None
    return policy.no_host_wait_s if kind is Kind.NO_HOST else policy.backoff(failures)


def stuck(record: Evacuation) -> str:
    """Say who should have gone on with an evacuation, as far as its row tells."""
    if record.to:
        return f"its evacuation to {record.to} has not ended"
    return "Nova has begun its evacuation on no host"
