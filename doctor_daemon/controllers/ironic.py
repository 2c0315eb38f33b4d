"""Ironic as a power device: it cuts and switches on, and is never believed alone.

Its `power_state` is no reading: it is what Ironic last ordered or found. A look at the machine that
finds what is expected leaves no trace, and none can be asked for, so nobody can tell how old it is.
Therefore it proves nothing by itself (`proves`), and is no witness. See ADR 19.

It stands among the adapters of OpenStack's services because it speaks by the same account.
Source: Bare Metal API reference, "Change Node Power State"; ironic/conductor/utils.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from doctor_daemon.controllers.bare_metal import joined, left
from doctor_daemon.controllers.http import Answer, NoAnswerError
from doctor_daemon.controllers.nodes import OFF, ON, STEADY, Node, complaint
from doctor_daemon.controllers.tokens import Observer, outcome_of, unobserved
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import ConfigError, DoctorError, LateError, Permanent, Temporary
from doctor_daemon.ports import Clock, Permit
from doctor_daemon.ports.secrets import SecretFile, conceal

LOOK_AGE_S = 30.0
"""An order goes to the node as it showed itself at most this long ago; else it is asked again."""
LOCKED_TRIES = 3
LOCKED_PAUSE_S = 0.25
"""Between two orders to a node that somebody else is at work on, while the permit is good."""

T = TypeVar("T")


class IronicConfig(BaseModel):
    """A node, by whose account it is asked for, and by what it is known to be the right one."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    clouds_file: SecretFile = SecretFile("/etc/openstack/clouds.yaml")
    """OpenStack's own clouds.yaml; a secure.yaml beside it is read too."""
    cloud: str = Field(min_length=1)
    """The entry of `clouds` to use. Its user must be allowed to see the node and set its power."""
    node: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    """The node's own UUID in Ironic, which is not the host's."""
    node_name: str = Field(default="", max_length=255)
    """What Ironic calls the node: by it the host is known."""
    bmc_address: str = Field(default="", max_length=512)
    """The address of the node's BMC, exactly as its driver_info has it: the host is known by it."""
    i_accept_no_identity: bool = False
    """Needed without `node_name` and `bmc_address`."""
    timeout_s: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False)
    """How long identify and read may take; a cut or a switch-on may take twice as long."""

    @property
    def connect_timeout_s(self) -> float:
        """Half of it for the connection."""
        return self.timeout_s / 2

    @property
    def keystone_timeout_s(self) -> float:
        """As long for Keystone."""
        return self.timeout_s

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not (self.node_name or self.bmc_address or self.i_accept_no_identity):
            msg = (
                "a node's UUID does not say which machine it is; expected `node_name` or "
                "`bmc_address`, or i_accept_no_identity: true"
            )
            raise ValueError(msg)
        return self


class Ironic:
    """A `PowerDevice` that has Ironic cut and switch on, and tells what Ironic holds."""

    api: ClassVar[int] = 1
    tells: ClassVar[str] = "supply"
    proves: ClassVar[bool] = False
    elsewhere: ClassVar[bool] = True
    Config: ClassVar[type[IronicConfig]] = IronicConfig

    def __init__(self, config: IronicConfig, name: str, clock: Clock) -> None:
        """Read the cloud's entry, connect to nothing. Raise ConfigError."""
        self.name = name
        self.expects = ""
        """The configured UUID of the host: Ironic knows none of it."""
        self.on_call: Observer = unobserved
        self._config = config
        self._clock = clock
        self._client = joined(config, config.timeout_s, clock)
        self._closed = False
        self._seen_at: Instant | None = None

    async def identify(self) -> Identity:
        """Say who the host is, by what Ironic says of the node.

        Raise Permanent, too, where a cut would come to nothing: Ironic was told never to switch it
        off, or to look after it no more, or is about to make something else of it.
        """
        return await self._timed("identify", self._identify(), "ok")

    async def read(self) -> Reading:
        """Tell what Ironic holds. It takes at most `timeout_s`."""
        return await self._timed("read", self._read())

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        """Ask for `power off`, once; soft never."""
        return await self._timed("cut", self._order(OFF, permit))

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        """Ask for `power on`, once."""
        return await self._timed("switch_on", self._order(ON, permit))

    async def close(self) -> None:
        """Leave the client that all devices of the cloud share."""
        if not self._closed:
            self._closed = True
            await left(self._client)

    async def _identify(self) -> Identity:
        node, _ = await self._node()
        if stranger := self._stranger(node):
            raise Permanent(stranger)
        if node.fixed_on:
            msg = "this node cannot be cut: Ironic was told so (disable_power_off)"
            raise Permanent(msg)
        if node.maintenance:
            msg = "the node is in maintenance: no Off of it would be told"
            raise Permanent(msg)
        if node.provision_state not in STEADY:
            expected = " or ".join(STEADY)
            msg = f"the node is {node.provision_state}: it is no host now; expected {expected}"
            raise Permanent(msg)
        return Identity(self.expects, "", node.name, node.driver)

    async def _read(self) -> Reading:
        node, asked_at = await self._node()
        power, said = node.power
        if stranger := self._stranger(node):
            power, said = Power.UNKNOWN, stranger
        return Reading(power, conceal(said), asked_at, self._clock.now())

    async def _node(self) -> tuple[Node, Instant]:
        """Ask for the node. Raise Temporary or Permanent."""
        self._seen_at = None
        try:
            async with asyncio.timeout(self._config.timeout_s):
                node, asked_at = await self._client.node(self._config.node)
        except TimeoutError:
            msg = f"no answer within {self._config.timeout_s:g} s"
            raise Temporary(msg) from None
        except ConfigError as error:  # clouds.yaml is read anew for each token
            raise Permanent(str(error)) from None
        self._seen_at = None if self._stranger(node) else asked_at
        return node, asked_at

    def _stranger(self, node: Node) -> str:
        """Say how a node is not the one that is meant; empty: it is."""
        config = self._config
        if node.uuid != config.node:
            return f"it answers for node {node.uuid}, not for {config.node}"
        if config.node_name and node.name != config.node_name:
            return f"Ironic calls the node {node.name!r}; expected {config.node_name!r}"
        if config.bmc_address and config.bmc_address not in node.addresses:
            shown = ", ".join(node.addresses) or "none"
            return f"the node's BMC is at {shown}; expected {config.bmc_address}"
        return ""

    async def _order(self, target: str, permit: Permit) -> tuple[Outcome, str]:
        """Ask for a power state. While the node is locked nothing is done, and it is asked again.

        The permit ends that: whether to begin anew is a decision.
        """
        try:
            await self._look()
        except DoctorError as error:
            return Outcome.UNSENT, f"nothing was sent: {error}"
        locked: tuple[Outcome, str] | None = None
        for _ in range(LOCKED_TRIES):
            try:
                ended = await self._sent(target, permit)
            except LateError:
                if locked is None:
                    raise
                return locked
            if ended[0] is not Outcome.REFUSED or not ended[1].startswith(_LOCKED):
                return ended
            locked = ended
            await asyncio.sleep(LOCKED_PAUSE_S)
        return locked or (Outcome.UNSENT, "nothing was sent")

    async def _look(self) -> None:
        """See which node it is, unless that was just seen. Raise Temporary or Permanent."""
        if self._seen_at is None or self._clock.now().since(self._seen_at) > LOOK_AGE_S:
            node, _ = await self._node()
            if stranger := self._stranger(node):
                raise Permanent(stranger)

    async def _sent(self, target: str, permit: Permit) -> tuple[Outcome, str]:
        late = f"no answer within {self._config.timeout_s:g} s"
        try:
            async with asyncio.timeout(self._config.timeout_s):
                answer = await self._client.order(self._config.node, target, permit)
        except LateError:
            raise
        except TimeoutError:
            return Outcome.UNKNOWN, late
        except NoAnswerError as error:
            return Outcome.UNKNOWN, str(error)
        except DoctorError as error:  # no token, no connection, no such microversion
            return Outcome.UNSENT, f"nothing was sent: {error}"
        return _judged(answer)

    async def _timed(self, call: str, work: Awaitable[T], word: str = "") -> T:
        """Tell whoever listens how long a call took and how it ended."""
        began = self._clock.now()
        try:
            result = await work
        except DoctorError as error:
            self.on_call(call, self._clock.now().since(began), outcome_of(error))
            raise
        self.on_call(call, self._clock.now().since(began), word or _word(result))
        return result


_LOCKED = f"{HTTPStatus.CONFLICT.value} "


def _word(result: object) -> str:
    if isinstance(result, Reading):
        return str(result.power)
    return str(result[0]) if isinstance(result, tuple) else "ok"


def _judged(answer: Answer) -> tuple[Outcome, str]:
    """Judge the answer to an order by its class (RFC 9110, section 15).

    202 says that Ironic has begun: what becomes of it is told by `target_power_state`.
    """
    words = conceal(complaint(answer))
    match answer.status // 100:
        case 2:
            return Outcome.ACCEPTED, f"Ironic answered {answer.status}"
        case 4:
            return Outcome.REFUSED, words
        case _:
            return Outcome.UNKNOWN, words
