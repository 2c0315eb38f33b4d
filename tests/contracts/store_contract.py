"""What every store promises, whatever it is made of.

A suite for a store subclasses `StoreContract` and has a fixture `disk` of its own.
"""

from __future__ import annotations

from tests.contracts.store_audit import Audit
from tests.contracts.store_contents import Memory
from tests.contracts.store_guards import Guards
from tests.contracts.store_letters import DeadLetters
from tests.contracts.store_rows import Events, Outbox, Pruning
from tests.contracts.store_spent import SpentRequests
from tests.contracts.store_tasks import HostTasks
from tests.contracts.store_volumes import VolumeRecords


class StoreContract(
    Guards,
    Memory,
    Outbox,
    DeadLetters,
    Events,
    VolumeRecords,
    HostTasks,
    SpentRequests,
    Pruning,
    Audit,
):
    """The whole suite."""
