"""Cinder: lists its services, disables, enables, freezes and fails them over, sets log levels.

Each request that changes something is sent once, and answered by how it ended, not by what came of
it: Cinder answers 200 to what did nothing and 500 to what was done. Only reading back tells.
Source: Cinder API reference, "Services". The traps of that API are named in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from doctor_daemon.controllers.again import BusyError
from doctor_daemon.controllers.cloud_service import READ_KEEP_S, CloudService
from doctor_daemon.controllers.compute import Endpoint, Product, RefusedError
from doctor_daemon.controllers.http import Answer, NoAnswerError
from doctor_daemon.controllers.keystone import VOLUMES
from doctor_daemon.controllers.microversions import Span
from doctor_daemon.controllers.updates import storable
from doctor_daemon.controllers.volume_preflight import preflight
from doctor_daemon.controllers.volumes import (
    CINDER,
    CLUSTERS,
    LOGS,
    SERVICES,
    UPDATE,
    loggers,
    place,
    read_levels,
    read_offer,
    read_services,
    span,
)
from doctor_daemon.core.log_levels import LogLevels, LogScope
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import Target, VolumeService
from doctor_daemon.errors import DoctorError, LateError, Permanent
from doctor_daemon.ports import Clock, Permit
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.storage import Answer as Ended

CONNECTIONS = 4


class CinderConfig(BaseModel):
    """Which Cinder, and how long to wait for it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    clouds_file: SecretFile = SecretFile("/etc/openstack/clouds.yaml")
    """OpenStack's own clouds.yaml; a secure.yaml beside it is read too."""
    cloud: str = Field(min_length=1)
    """The entry of `clouds` to use. Its user needs the role admin in its project."""
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    """How long a connection may take, waiting for a free one included."""
    read_timeout_s: float = Field(default=75.0, gt=0, le=600, allow_inf_nan=False)
    """How long a list may take."""
    write_timeout_s: float = Field(default=100.0, gt=0, le=600, allow_inf_nan=False)
    """How long the answer to a change, and to a question for log levels, may take. Cinder waits
    60 s for a cinder-volume that is dead and not known to be."""
    keystone_timeout_s: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False)
    """How long Keystone may be silent."""


class Cinder(CloudService):
    """One cloud's Cinder."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[CinderConfig]] = CinderConfig

    def __init__(self, config: CinderConfig, clock: Clock) -> None:
        """Read the cloud's entry, connect to nothing. Raise ConfigError."""
        super().__init__(config, clock, VOLUMES)
        product = Product(CINDER, "volume", read_offer)
        reads = self._way(CONNECTIONS, READ_KEEP_S, config.read_timeout_s)
        writes = self._way(CONNECTIONS, 0.0, config.write_timeout_s)
        self._endpoint = Endpoint(self._tokens, product, reads=reads, writes=writes)

    async def services(self, host: str = "", binary: str = "") -> Sequence[VolumeService]:
        return await self._timed("services", self._services(host, binary))

    async def disable(self, target: Target, reason: str, permit: Permit) -> Ended:
        """Disable, by `disable-log-reason`: since Cinder 28 plain `disable` does nothing.

        That is what is sent where there is no reason: 2025.2 and older do carry it out.
        """
        body = {"host": target.host, "binary": target.binary}
        if not reason:
            return await self._write("disable", body, UPDATE, permit)
        reasoned = {**body, "disabled_reason": storable(reason)}
        return await self._write("disable-log-reason", reasoned, UPDATE, permit)

    async def enable(self, target: Target, permit: Permit) -> Ended:
        body = {"host": target.host, "binary": target.binary}
        return await self._write("enable", body, UPDATE, permit)

    async def freeze(self, target: Target, permit: Permit) -> Ended:
        return await self._write("freeze", place(target), span(target), permit)

    async def thaw(self, target: Target, permit: Permit) -> Ended:
        return await self._write("thaw", place(target), span(target), permit)

    async def fail_over(self, target: Target, backend: str, permit: Permit) -> Ended:
        """Ask by the call that this Cinder has.

        For a host that is `failover_host`, everywhere. For a cluster it is `failover` up to 2025.2;
        from 2026.1 on that has no route, which certainly does nothing, and `failover_host` takes
        clusters.
        """
        body = {**place(target), "backend_id": backend}
        if target.cluster:
            answer = await self._sent("failover", body, CLUSTERS, permit)
            if not isinstance(answer, Answer):
                return answer
            if answer.status != HTTPStatus.NOT_FOUND:
                return _judged(answer)
        return await self._write("failover_host", body, span(target), permit)

    async def log_levels(self, scope: LogScope) -> Sequence[LogLevels]:
        return await self._timed("log_levels", self._log_levels(scope))

    async def set_log_level(self, scope: LogScope, level: str, permit: Permit) -> Ended:
        return await self._write("set-log", {**loggers(scope), "level": level}, LOGS, permit)

    async def check(self) -> Sequence[str]:
        """Try the account and the endpoint, changing nothing. See `volume_preflight`."""
        return await preflight(self._tokens, self._endpoint)

    async def run(self) -> None:
        await self._tokens.run()

    async def close(self) -> None:
        await self._tokens.close()
        await self._endpoint.close()

    async def _services(self, host: str, binary: str) -> Sequence[VolumeService]:
        asked = {"host": host, "binary": binary}
        query = {name: value for name, value in asked.items() if value}
        return (await self._endpoint.get("os-services", query, SERVICES, read_services)).value

    async def _log_levels(self, scope: LogScope) -> Sequence[LogLevels]:
        """Ask by a PUT that changes nothing. It is not asked again: each try may take a minute."""
        answer = await self._endpoint.put("os-services/get-log", loggers(scope), LOGS, None)
        if answer.status == HTTPStatus.OK:
            return read_levels(answer.body)
        text = f"{CINDER} answered {answer.words()}"
        outcome, _ = _judged(answer)
        if outcome is Outcome.UNKNOWN or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise BusyError(text)
        raise RefusedError(text, answer.status)

    async def _write(
        self, word: str, body: Mapping[str, object], version: Span, permit: Permit
    ) -> Ended:
        """Send once. REFUSED, UNSENT: nothing was done; else read back. Raise LateError."""
        answer = await self._sent(word, body, version, permit)
        return _judged(answer) if isinstance(answer, Answer) else answer

    async def _sent(
        self, word: str, body: Mapping[str, object], version: Span, permit: Permit
    ) -> Answer | Ended:
        """Return Cinder's answer, or what came instead of one."""
        put = self._endpoint.put(f"os-services/{word}", body, version, permit)
        try:
            return await self._timed(word.replace("-", "_"), put, _word)
        except NoAnswerError as error:
            return Outcome.UNKNOWN, str(error)
        except LateError:
            raise
        except Permanent as error:  # the token was refused, by Cinder or by Keystone
            return Outcome.REFUSED, str(error)
        except DoctorError as error:  # no connection, or no token
            return Outcome.UNSENT, str(error)


def _word(answer: Answer) -> str:
    return _judged(answer)[0].value


def _judged(answer: Answer) -> Ended:
    """Judge an answer. A server error may come after the deed, a client error never does."""
    words = f"{CINDER} answered {answer.words()}"
    if answer.status == HTTPStatus.REQUEST_TIMEOUT:
        return Outcome.UNKNOWN, words
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.UNKNOWN, words
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return Outcome.REFUSED, words
    # A thaw says in a text of its own that the driver failed. Other bodies only repeat the request.
    told = words if answer.body.startswith(b'"') else f"{CINDER} answered {answer.status}"
    return Outcome.ACCEPTED, told
