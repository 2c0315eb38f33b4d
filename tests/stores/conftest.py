"""One etcd for the tests of this folder that need no more than that it answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster, running

PREFIXES = count(1)


@pytest.fixture(scope="package")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@pytest.fixture(scope="package")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run another cluster, of which nobody is to take an answer."""
    with running(tmp_path_factory.mktemp("other")) as cluster:
        yield cluster


@pytest.fixture
def config(etcd: Cluster) -> EtcdConfig:
    """Return options for a prefix where nothing is yet. A busy machine is waited for.

    The lease is long, so that its renewing is not among what is counted or held back.
    """
    prefix = f"/test-{next(PREFIXES)}/"
    return EtcdConfig(endpoints=etcd.urls, prefix=prefix, timeout_s=3.0, lease_s=60)
