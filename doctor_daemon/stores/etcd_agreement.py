"""Before anything is written: whose cluster it is, and whose prefix.

A member that was begun anew by mistake, empty and alone, answers like any other, and knows nothing.
Whoever believed it would forget every open incident. So the endpoints have to agree first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd_gateway import RANGED, Gateway
from doctor_daemon.stores.etcd_json import Json, coded
from doctor_daemon.stores.etcd_loading import AGAIN_S
from doctor_daemon.stores.etcd_meaning import cluster_of

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def agreed(gateway: Gateway, prefix: str) -> None:
    """Have the gateway belong to the cluster that more than half of the endpoints show.

    Ask until so many do; the caller bounds the time. Raise Permanent when they show several, or so
    many refuse that it is no use.
    """
    asked = {"key": coded(f"{prefix}term".encode()), "serializable": True}  # without a quorum too
    while True:
        cluster = _shown(gateway, await gateway.each(RANGED, asked))
        if cluster:
            gateway.belong(cluster)
            return
        await asyncio.sleep(AGAIN_S)


def _shown(gateway: Gateway, answers: Mapping[str, Json | Temporary | Permanent]) -> str:
    """Return the cluster that more than half have shown; none: they have not yet."""
    shown, failures, refusals = dict[str, str](), list[str](), list[Permanent]()
    for url, answer in answers.items():
        try:
            if isinstance(answer, Temporary | Permanent):
                raise answer
            shown[url] = cluster_of(answer)
        except Permanent as error:
            failures.append(str(error))
            refusals.append(error)
        except Temporary as error:
            failures.append(f"{url}: {error}")
    clusters = set(shown.values())
    if len(clusters) > 1:
        told = ", ".join(f"{url} to {cluster}" for url, cluster in shown.items())
        raise Permanent(f"etcd: the endpoints belong to several clusters: {told}")
    if 2 * len(shown) > len(answers):
        if failures:
            log.warning("not every endpoint of etcd shows its cluster", why="; ".join(failures))
        return clusters.pop()
    if 2 * len(refusals) >= len(answers):
        raise refusals[0]
    few = f"{len(shown)} of {len(answers)} endpoints have shown their cluster"
    gateway.failure = f"etcd: {few}, and more than half have to: {'; '.join(failures)}"
    return ""
