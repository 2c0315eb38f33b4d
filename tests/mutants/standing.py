"""One etcd for all trials of a process: to start one for each would take most of the time.

Each trial has prefixes of its own in it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.stores.etcd_cluster import Cluster, running

APART = 1_000_000
"""A trial takes fewer prefixes."""


class Standing:
    """A cluster that is handed out wherever a test's folder asks for one of its own."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._trials = 0

    def ready(self) -> None:
        """Have it go on, should a trial have been ended while it was made to hang."""
        self._trials += 1
        for member in self._cluster.members:
            member.send(signal.SIGCONT)

    def hand_out(self) -> None:
        """Hand it out in this process, which is a trial's."""
        for module in list(sys.modules.values()):
            names = vars(module)
            if {"PREFIXES", "running"} <= names.keys():
                names["PREFIXES"] = count(self._trials * APART)
                names["running"] = self._running

    @contextmanager
    def _running(self, folder: Path) -> Iterator[Cluster]:
        if folder.name.startswith("etcd"):
            yield self._cluster
            return
        with running(folder) as another:
            yield another


@contextmanager
def standing(folder: Path) -> Iterator[Standing]:
    """Run one."""
    with running(folder / "standing") as cluster:
        yield Standing(cluster)
