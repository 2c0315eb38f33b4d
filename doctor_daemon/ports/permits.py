"""The last look at the permit, for adapters that speak HTTP: connected already, nothing sent yet.

A permit that was good when the call began may have lapsed by the time a slow connection stands, so
it is checked between the two. `on_request_headers_sent` is the one hook of aiohttp that runs there
for new and for kept connections alike, and after which aiohttp closes the connection by itself;
whatever its name says, it runs before the first byte is written (a test counts the bytes).
"""

from __future__ import annotations

from types import SimpleNamespace

from aiohttp import ClientSession, TraceConfig, TraceRequestHeadersSentParams

from doctor_daemon.ports.time import Clock, Permit


def permit_trace(clock: Clock) -> TraceConfig:
    """Return a trace for a session: a request with `trace_request_ctx=permit` is sent in time.

    Otherwise LateError comes out of the request, and nothing was sent. Requests without a permit
    pass.
    """

    async def check(
        _session: ClientSession,
        context: SimpleNamespace,
        _params: TraceRequestHeadersSentParams,
    ) -> None:
        permit = context.trace_request_ctx
        if isinstance(permit, Permit):
            permit.check(clock.now())

    trace = TraceConfig()
    trace.on_request_headers_sent.append(check)
    return trace
