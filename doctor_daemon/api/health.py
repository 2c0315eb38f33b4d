"""What Prometheus and a load balancer ask: /metrics, /healthz and /readyz.

Healthy means that the engine still makes progress; ready means that it has taken up what was open
and lets evidence in. Neither says anything about the cloud: that is what the metrics are for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from doctor_daemon.core.gates import GATES
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.own_views import remarks
from doctor_daemon.metrics import Metrics

TICKED_WITHIN_S = 10.0


def health_app(engine: Engine, doors: asyncio.Event) -> web.Application:
    """Return the application for the metrics' address. `doors`: evidence is let in."""
    metrics, clock = engine.ward.tools.metrics, engine.ward.tools.clock
    _begin(metrics, engine.ward.tools.notifiers)

    async def show(_: web.Request) -> web.Response:
        for set_gauges in metrics.before_scrape:
            set_gauges()
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthy(_: web.Request) -> web.Response:
        ticked = engine.ticked
        fine = ticked is not None and clock.now().since(ticked) < TICKED_WITHIN_S
        text = "ok\n" + "".join(
            f"{line}\n" for line in (*remarks(engine.ward), *engine.desk.replays.remarks())
        )
        return web.Response(text=text if fine else "no progress\n", status=200 if fine else 503)

    async def ready(_: web.Request) -> web.Response:
        why = _unready(engine, doors)
        text = why or f"ready{_unfenceable(engine)}"
        return web.Response(text=f"{text}\n", status=503 if why else 200)

    app = web.Application(client_max_size=1024)
    app.add_routes(
        [web.get("/metrics", show), web.get("/healthz", healthy), web.get("/readyz", ready)]
    )
    return app


def _begin(metrics: Metrics, consumers: Iterable[str]) -> None:
    """Have what is counted begin at 0: to Prometheus a counter that begins at 1 has not grown."""
    for gate in GATES:
        metrics.refusals.labels(gate.name)
    for consumer in consumers:
        metrics.dead.labels(consumer)
        metrics.outbox.labels(consumer)
        for outcome in ("delivered", "temporary", "permanent"):
            metrics.deliveries.labels(consumer, outcome)


def _unfenceable(engine: Engine) -> str:
    """Say how many hosts could not be fenced now: that keeps no evidence out."""
    count, hosts = len(engine.readiness.unfenceable()), len(engine.ward.rules.plans)
    return f"; {count} of {hosts} hosts cannot be fenced" if count else ""


def _unready(engine: Engine, doors: asyncio.Event) -> str:
    """Say why evidence is not let in; empty: it is."""
    if engine.desk.closed:
        return "stopping"
    if engine.desk.aside:
        return "standing by"
    return "" if engine.ready.is_set() and doors.is_set() else "starting"
