"""Why a server was not moved, in one word of a fixed list: what its owner may be told of it.

The sentence is for operators: it may hold what Nova said, and Nova names hosts. An owner gets one
of these words, so that nothing else can get out. The sentences begin with what `selection`,
`moves` and `holding` have written there, and by that they are told apart; one that is not known
here is OTHER, and says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.failures import NO_VALID_HOST


class Cause(StrEnum):
    """Why a server was left where it was, or could not be moved."""

    STATE = "state"  # it is neither active nor stopped, and Nova moves no other
    GONE = "gone"  # it was deleted, or moved by somebody else
    POLICY = "policy"  # the operators have nothing moved from its host
    UNMOVABLE = "unmovable"  # it has what cannot be moved: a virtual TPM, bare metal
    SERVICE = "service"  # it belongs to a service that replaces it itself
    LOCKED = "locked"  # it is locked, and the operators leave such servers
    TAG = "tag"  # a tag of it, of its flavor or of an aggregate has it stay
    UNTAGGED = "untagged"  # only what is tagged is moved, and it is not
    HANDLED = "handled"  # its own project takes care of it, and has said so
    DISK = "disk"  # its disk may be on its host alone, and would be lost
    NO_ROOM = "no_room"  # Nova's scheduler found no host for it
    REFUSED = "refused"  # Nova has refused to move it
    ERROR = "error"  # it went wrong where it was moved to
    UNCLEAR = "unclear"  # no end of it was seen
    OTHER = "other"


_SKIPPED: Sequence[tuple[str, Cause]] = (
    (r"it is in ERROR\b", Cause.STATE),
    (r"it is .*; Nova moves active and stopped ones", Cause.STATE),
    (r"it is not on the host any more", Cause.GONE),
    (r"nothing is moved from its host", Cause.POLICY),
    (r"it has a virtual TPM|it is a bare-metal node", Cause.UNMOVABLE),
    (r"its project .* is one of service_projects", Cause.SERVICE),
    (r"its metadata says .* is one of service_metadata", Cause.SERVICE),
    (r"it is an amphora", Cause.SERVICE),
    (r"it is locked$", Cause.LOCKED),
    (r"(?:server|flavor|aggregate) .* has it stay", Cause.TAG),
    (r"only what is tagged is moved", Cause.UNTAGGED),
    (r"its project takes care of it itself", Cause.HANDLED),
    (r"its disk may be on its host alone", Cause.DISK),
)
_FAILED: Sequence[tuple[str, Cause]] = (
    (rf"(?i:its evacuation ended as \w+: {NO_VALID_HOST})", Cause.NO_ROOM),
    (r"its evacuation ended as ", Cause.ERROR),
    (r"Nova answered 4\d\d", Cause.REFUSED),
    (r"the request was not answered", Cause.UNCLEAR),
)
_TABLE: dict[Stage, Sequence[tuple[str, Cause]]] = {
    Stage.SKIPPED: _SKIPPED,
    Stage.FAILED: _FAILED,
    Stage.UNKNOWN: ((r"", Cause.UNCLEAR),),
}


def cause(stage: Stage, why: str) -> Cause | None:
    """Return why a server has come to this end; None: it was moved."""
    if stage is Stage.MOVED:
        return None
    known = _TABLE.get(stage, ())
    return next((one for pattern, one in known if re.match(pattern, why)), Cause.OTHER)
