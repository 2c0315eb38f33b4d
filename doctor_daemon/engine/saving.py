"""Saving a step: however often it takes, and so that it is known whether it was."""

from __future__ import annotations

import structlog

from doctor_daemon.core.policy import Policy
from doctor_daemon.core.readiness import spread
from doctor_daemon.engine.links import Links
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Conflict, DoctorError, Temporary
from doctor_daemon.ports import Change

AGAIN_S = 5.0
"""The longest pause before what could not be saved is saved again, whatever `backoff_max_s` is.

Nothing that was decided is done before: a store that is back has all of it done soon.
"""
LEAST = 0.5
"""The least share of a pause: many that were refused together do not come again together."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Unsaveable(Exception):
    """A bug keeps this incident from being folded or saved: without a record nothing is done."""


def again_s(policy: Policy, failures: int, key: str) -> float:
    """Return the seconds to the next try at a save after so many failures in a row (from 1)."""
    share = LEAST + (1.0 - LEAST) * spread(f"{key} {failures}")
    return min(policy.backoff(failures), AGAIN_S) * share


async def saved(step: Change, ward: Ward, links: Links) -> None:
    """Save, however often it takes: until then nothing that was decided is done.

    Raise Unsaveable for a bug, and what the store raises when it must not be used any more.
    """
    tools, failures = ward.tools, 0
    id_ = step.head.id if step.head else ""
    while True:
        began = tools.clock.now()
        try:
            await tools.store.commit(step, term=ward.term)
        except Temporary as error:
            failures += 1
            tools.metrics.store_faults.inc()
            log.warning("not saved yet", incident=id_, error=str(error))
            pause_s = again_s(ward.rules.policy, failures, id_)
            await tools.clock.sleep_until(tools.clock.now().plus(pause_s))
        except Conflict:
            if not await _was_saved(step, ward):
                raise
            step = Change()  # it was; and we go on only if nobody leads in our place by now
        except DoctorError:
            raise  # the store must not be used any more: the daemon ends
        except Exception as error:
            links.bug(id_, error)
            raise Unsaveable from error
        else:
            tools.metrics.commit.observe(tools.clock.now().since(began))
            return


async def _was_saved(step: Change, ward: Ward) -> bool:
    """Tell whether an earlier try at this very step was saved, though it seemed to fail."""
    if step.head is None:
        return False
    try:
        found = await ward.tools.store.find(step.head.id)
    except Temporary:
        return False
    return found is not None and found.version == step.head.version and found == step.head
