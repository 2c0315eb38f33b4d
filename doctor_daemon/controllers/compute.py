"""An endpoint of OpenStack: each call with a token, a microversion, a request id and its bounds.

Reading is tried again a few times: the same question, the same meaning. Writing never is, because
whether to write again is a decision. The one exception is 401, which says that nothing was done and
that the token is dead: a new one is fetched, once, and the call is made again, once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Generic, TypeVar

from typing_extensions import override

from doctor_daemon.controllers.again import BusyError, answered
from doctor_daemon.controllers.http import (
    Answer,
    Request,
    Wire,
    ahead_s,
    asked_there_s,
    retry_after_s,
)
from doctor_daemon.controllers.keystone import Grant
from doctor_daemon.controllers.microversions import Offer, Span, Version, parse_offer
from doctor_daemon.controllers.rows import INLINE_MAX, decode
from doctor_daemon.controllers.tokens import Token, Tokens
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Permit

LIST_MAX = 64 * 1024 * 1024
SMALL_MAX = 1024 * 1024
_PASSING = frozenset({408, 425, 429})

T = TypeVar("T")


class RefusedError(Permanent):
    """A no of the service's own, with its status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Got(Generic[T]):
    """What was read, in which microversion, and a moment before it was asked for."""

    value: T
    asked_at: Instant
    version: Version | None = None
    asked_there_s: float | None = None
    """The same moment by the other side's clock, Unix seconds; None: it does not date answers."""


@dataclass(frozen=True, slots=True)
class Way:
    """Connections for one purpose, and the time-out of one request by them."""

    wire: Wire
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Product:
    """Whose endpoint it is: in errors, in the header of microversions, and how it tells of them."""

    name: str
    word: str
    offered: Callable[[bytes], Offer]


NOVA = Product("Nova", "compute", lambda body: parse_offer(decode(body)))


class Endpoint:
    """One endpoint of one product."""

    def __init__(self, tokens: Tokens, product: Product, *, reads: Way, writes: Way) -> None:
        """Talk by these connections: what must not wait for another has its own."""
        self._tokens = tokens
        self._product = product
        self._reads = reads
        self._writes = writes
        self._offer: Offer | None = None
        self.ahead_s = 0.0
        """How far the clock there is ahead of ours, by its last answer, to the second."""

    async def offer(self) -> Offer:
        """Return which microversions the endpoint offers; asked once, and again after a 406."""
        if self._offer is None:
            self._offer = (await self._read("", {}, None, self._product.offered)).value
        return self._offer

    async def version(self, span: Span) -> Version:
        """Return the microversion of a call. Raise NotOfferedError, or what asking raises."""
        return span.high if span.low == span.high else (await self.offer()).choose(span)

    def _known(self, span: Span) -> Version:
        """Choose for what changes something, which waits for no discovery.

        Before anything was read, the highest: who has it not does nothing and says so.
        """
        if self._offer is None:
            return span.high
        return self._offer.choose(span)

    async def get(
        self, path: str, query: Mapping[str, str], span: Span | None, read: Callable[[bytes], T]
    ) -> Got[T]:
        """Ask, try again what may pass, and read the answer with `read`. Raise a DoctorError.

        A product without microversions is asked without a span.
        """
        return await self._read(path, query, await self.version(span) if span else None, read)

    async def put(
        self, path: str, body: Mapping[str, object], span: Span | None, permit: Permit | None
    ) -> Answer:
        """Write once. Raise LateError, NothingSentError, NoAnswerError, or what a token raises.

        Only a permit that has not lapsed when the connection stands lets anything be sent.
        """
        request = self._writing("PUT", path, body, span, self._writes.timeout_s)
        return await self._authorised(self._writes.wire, request, permit)

    async def delete(self, path: str, span: Span, permit: Permit) -> Answer:
        """Have something deleted, as `put` writes: once. Raise as it does."""
        request = self._writing("DELETE", path, None, span, self._writes.timeout_s)
        return await self._authorised(self._writes.wire, request, permit)

    async def close(self) -> None:
        """Close every connection."""
        for way in (self._reads, self._writes):
            await way.wire.close()

    async def _read(
        self,
        path: str,
        query: Mapping[str, str],
        version: Version | None,
        read: Callable[[bytes], T],
    ) -> Got[T]:
        ask = partial(self._read_once, path, query, version, _request_id(), read)
        return await answered(ask, self._reads.timeout_s)

    async def _read_once(
        self,
        path: str,
        query: Mapping[str, str],
        version: Version | None,
        headers: Mapping[str, str],
        read: Callable[[bytes], T],
    ) -> Got[T]:
        pinned = self._pinned(version) if version else {}
        request = Request(
            method="GET",
            url=path,
            headers={**pinned, **headers},
            query=query,
            timeout_s=self._reads.timeout_s,
            answer_max=LIST_MAX,
        )
        answer = await self._authorised(self._reads.wire, request, None)
        self.ahead_s = ahead_s(answer, self.ahead_s)
        self._check(answer, request)
        inline = len(answer.body) <= INLINE_MAX
        value = read(answer.body) if inline else await asyncio.to_thread(read, answer.body)
        return Got(value, answer.asked_at, version, asked_there_s(answer))

    def _pinned(self, version: Version) -> Mapping[str, str]:
        return {"OpenStack-API-Version": f"{self._product.word} {version}"}

    def _check(self, answer: Answer, request: Request) -> None:
        """Raise unless the answer is a 200."""
        if answer.status == HTTPStatus.OK:
            return
        asked = f"GET {request.url or '/'} ({request.headers['X-OpenStack-Request-ID']})"
        text = f"{asked}: {self._product.name} answered {answer.words()}"
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _PASSING:
            raise BusyError(text, retry_after_s(answer.headers))
        raise RefusedError(text, answer.status)

    async def _authorised(self, wire: Wire, request: Request, permit: Permit | None) -> Answer:
        token = await self._tokens.current()
        answer = await wire.send(_with(request, token), permit)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return self._accepted(answer)
        fresh = await self._tokens.instead_of(token)
        answer = await wire.send(_with(request, fresh), permit)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise self._tokens.refused(fresh, answer.words(), self._product.name)
        return self._accepted(answer)

    def _accepted(self, answer: Answer) -> Answer:
        if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:  # that may come from before it
            self._tokens.accepted()
        if answer.status == HTTPStatus.NOT_ACCEPTABLE:
            self._offer = None
        return answer

    def _writing(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        span: Span | None,
        timeout_s: float,
    ) -> Request:
        """Return a request that changes something."""
        pinned = self._pinned(self._known(span)) if span else {}
        return Request(
            method=method,
            url=path,
            headers={**pinned, **_request_id()},
            body=body,
            timeout_s=timeout_s,
            answer_max=SMALL_MAX,
        )


class Compute(Endpoint):
    """One Nova. Evacuations have connections of their own."""

    def __init__(self, tokens: Tokens, *, reads: Way, writes: Way, evacuations: Way) -> None:
        """Talk by these connections."""
        super().__init__(tokens, NOVA, reads=reads, writes=writes)
        self._evacuations = evacuations

    async def post(
        self, path: str, body: Mapping[str, object], span: Span, permit: Permit
    ) -> Answer:
        """Ask once for something new, as `put` writes: many at a time, by kept connections."""
        request = self._writing("POST", path, body, span, self._evacuations.timeout_s)
        return await self._authorised(self._evacuations.wire, request, permit)

    @override
    async def close(self) -> None:
        """Close every connection."""
        await super().close()
        await self._evacuations.wire.close()


def _with(request: Request, token: Token) -> Request:
    """Put the token in, and the path behind the endpoint that came with the token."""
    base = token.grant.url if request.url else _root(token.grant)
    return replace(
        request,
        url=f"{base}/{request.url}",
        headers={**request.headers, **token.grant.headers},
    )


def _root(grant: Grant) -> str:
    """Return where it describes itself: older catalogues add the project's id to it."""
    return grant.url.removesuffix(f"/{grant.project}") if grant.project else grant.url


def _request_id() -> Mapping[str, str]:
    """Return a global request id: found in its log, and in those of whom it calls."""
    return {"X-OpenStack-Request-ID": f"req-{uuid.uuid4()}"}
