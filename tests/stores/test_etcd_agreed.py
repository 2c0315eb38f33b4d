"""B10: endpoints are asked until more than half of them show one cluster, and then believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd_agreement import agreed
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import Json
from doctor_daemon.stores.etcd_loading import AGAIN_S
from doctor_daemon.stores.etcd_meaning import Unanswered
from tests.simulation.virtual import run

SILENT = Unanswered("no connection", sent=False)
REFUSED = Permanent("etcd: http://c refuses")


class Endpoints:
    """Endpoints, and what each of them answers the next times."""

    def __init__(self, *times: Mapping[str, Json | Exception]) -> None:
        self.failure = ""
        self.clusters: list[str] = []
        """To which it was said to belong."""
        self._times = list(times)

    async def each(self, _: str, body: Mapping[str, Any]) -> Mapping[str, Json | Exception]:
        assert body["serializable"] is True
        return self._times.pop(0)

    def belong(self, cluster: str) -> None:
        self.clusters.append(cluster)


def of(cluster: str) -> Json:
    return {"header": {"cluster_id": cluster}}


def test_b10_what_fewer_than_half_show_is_not_taken_for_the_cluster() -> None:
    endpoints = Endpoints(
        {"http://a": of("7"), "http://b": SILENT, "http://c": SILENT},
        {"http://a": SILENT, "http://b": SILENT, "http://c": REFUSED},
        {"http://a": of("7"), "http://b": of("7"), "http://c": SILENT},
    )
    assert run(agreed(cast("Gateway", endpoints), "/x/")) == 2 * AGAIN_S
    assert endpoints.clusters == ["7"]
    assert endpoints.failure.startswith("etcd: 0 of 3 endpoints have shown their cluster")
