"""Any power fence agent of ClusterLabs, as a power device.

An agent is believed only in what it reads. It says of its own `off` that it was verified; here that
is no more than `accepted`, and the readings decide. All its failures are the exit status 1, so what
became of an order that failed is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from doctor_daemon.core.proof import Identity, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import ConfigError, Permanent, Temporary
from doctor_daemon.fencers.agent_metadata import plain
from doctor_daemon.fencers.agent_program import Ran, call_of, described, find_agent, worked
from doctor_daemon.fencers.computer_system import cleaned
from doctor_daemon.fencers.logins import Rest
from doctor_daemon.fencers.timed import Line, Timed
from doctor_daemon.ports.program import LATE, SHARED, run
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.time import Clock, Permit

PLUGS = ("plug", "port")
PLACES = ("ip", "ipaddr")
RESERVED = frozenset(
    {"action", "option", "help", "version", "debug", "debug_file", "verbose", "verbose_level"}
)
"""Parameters that are ours to give, or would have an agent write secrets down."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PLACE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]*")
"""A name; of what is none, and of an IPv6 address, it is not asked where it leads."""
_SECRET = re.compile(r"(passw(or)?d|api_?key|token|secret|community)$", re.IGNORECASE)

Value = str | int | float | bool


class FenceAgentConfig(BaseModel):
    """An agent, and the parameters by which it finds the host's power."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    agent: str = Field(pattern=r"^(/[^\x00-\x1f]*/)?[A-Za-z0-9_.-]+$", max_length=255)
    """The agent's name, as fence_apc, or its absolute path."""
    parameters: dict[str, Value] = Field(default_factory=dict)
    """Its parameters, by the names of its metadata. They must name one plug of one device."""
    secrets: dict[str, SecretFile] = Field(default_factory=dict)
    """Parameters whose value is in a file, read at each call: passwords, and all that is secret."""
    alias: str = Field(default="", max_length=255)
    """What the device itself calls the plug, in its `list`: the host is known by it."""
    i_accept_no_identity: bool = False
    """Needed without `alias`: nothing but this file says whose power the plug is."""
    timeout_s: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False)
    """How long identify and read may take; a cut or a switch-on may take twice as long."""

    @field_validator("parameters", "secrets")
    @classmethod
    def _names(cls, given: Mapping[str, object]) -> Mapping[str, object]:
        for name, value in given.items():
            if not _NAME.fullmatch(name) or plain(name).lower() in RESERVED:
                msg = f"{name!r} is no parameter that is given here"
                raise ValueError(msg)
            if isinstance(value, str) and not value.isprintable():
                msg = f"{name}: expected one printable line"
                raise ValueError(msg)
        return given

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name, value in self.parameters.items():
            if _SECRET.search(name):
                msg = f"parameters: {name} is a secret; name its file under `secrets`"
                raise ValueError(msg)
            if name in self.secrets:
                msg = f"secrets: {name} stands under `parameters`, too"
                raise ValueError(msg)
            if plain(name) == "method" and value != "onoff":
                msg = "parameters: method: expected onoff: a cycle is no fencing"
                raise ValueError(msg)
        if self.alias and not any(name in self.parameters for name in PLUGS):
            msg = "alias: expected a `plug` among the parameters"
            raise ValueError(msg)
        if not self.alias and not self.i_accept_no_identity:
            msg = (
                "the agent cannot say which machine it cuts; expected the plug's `alias`, or "
                "i_accept_no_identity: true"
            )
            raise ValueError(msg)
        return self


class FenceAgent(Timed):
    """A `PowerDevice` that has an agent read, cut and switch on."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[FenceAgentConfig]] = FenceAgentConfig

    def __init__(self, config: FenceAgentConfig, name: str, clock: Clock) -> None:
        """Ask the agent what it is. Raise ConfigError unless it fits what is configured."""
        super().__init__(clock, _place(config.parameters))
        self.name = name
        self.expects = ""
        """The configured UUID of the host: no agent says one."""
        self._config = config
        self._agent = find_agent(config.agent)
        metadata = described(self._agent)
        wrong = [*metadata.faults({**config.parameters, **config.secrets})]
        if config.alias and "list" not in metadata.actions:
            wrong.append("alias: the agent has no list")
        if wrong:
            raise ConfigError("\n".join(f"{config.agent}: {text}" for text in wrong))
        self._switches_on = "on" in metadata.actions
        self._line = Line(config.timeout_s)
        self._rest = Rest(clock)

    async def identify(self) -> Identity:
        """Say who the host is, as far as that can be known: whose plug it is."""
        return await self._timed("identify", self._identify(), lambda _: "ok")

    async def read(self) -> Reading:
        """Read the power. It takes at most `timeout_s`, the wait for its turn included."""
        return await self._timed("read", self._read(), lambda reading: reading.power)

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        """Have the agent switch off, once."""
        return await self._timed("cut", self._order("off", permit), lambda ended: ended[0])

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        """Have the agent switch on, once."""
        return await self._timed("switch_on", self._order("on", permit), lambda ended: ended[0])

    async def close(self) -> None:
        """Hold nothing: no agent outlives its call."""

    async def _identify(self) -> Identity:
        deadline_s = self._line.deadline()
        if self._config.alias:
            self._known(worked(await self._asked("list", deadline_s)))
        worked(await self._asked("status", deadline_s))
        return Identity(self.expects, "", self._config.alias or self._plug, self._config.agent)

    def _known(self, listed: Ran) -> None:
        """Raise Permanent unless the device calls the plug what it is expected to."""
        found = listed.plugs().get(self._plug)
        if found != self._config.alias:
            said = "it lists no such plug" if found is None else f"it calls it {cleaned(found)!r}"
            msg = f"plug {self._plug}: {said}; expected {self._config.alias!r}"
            raise Permanent(msg)

    @property
    def _plug(self) -> str:
        given = self._config.parameters
        return next((_text(given[name]) for name in PLUGS if name in given), "")

    async def _read(self) -> Reading:
        ran = await self._asked("status", self._line.deadline())
        return Reading(ran.power, ran.text, ran.began_at, ran.ended_at)

    async def _asked(self, action: str, deadline_s: float) -> Ran:
        """Have the agent ask. Raise Temporary without an answer, Permanent for a refused login."""
        ran = await self._run(action, deadline_s)
        if ran.unanswered:
            raise Temporary(self._late(ran))
        if ran.login_refused:
            raise Permanent(ran.text)
        return ran

    async def _order(self, action: str, permit: Permit) -> tuple[Outcome, str]:
        """Have the agent act. From its start on nobody can know what it has sent."""
        if action == "on" and not self._switches_on:
            return Outcome.UNSENT, "nothing was sent: the agent has no on"
        try:
            ran = await self._run(action, self._line.deadline(), permit)
        except (Temporary, Permanent) as error:
            return Outcome.UNSENT, f"nothing was sent: {error}"
        if ran.ended.why:
            return Outcome.UNKNOWN, self._late(ran)
        return Outcome.ACCEPTED if ran.ended.code == 0 else Outcome.UNKNOWN, ran.text

    async def _run(self, action: str, deadline_s: float, permit: Permit | None = None) -> Ran:
        """Run the agent in its turn. Raise Temporary or Permanent if it was not started."""
        secrets = self._secrets()
        self._rest.check(secrets)
        given = {name: _text(value) for name, value in self._config.parameters.items()}
        call = call_of(self._agent, action, {**given, **secrets})
        async with self._line.turn(deadline_s), SHARED.turn(deadline_s, order=permit is not None):
            began_at = self._clock.now()
            if permit is not None:
                permit.check(began_at)
                deadline_s = self._line.deadline()
            ran = Ran(await run(call, deadline_s), began_at, self._clock.now())
        self._note(ran)
        return ran

    def _note(self, ran: Ran) -> None:
        """Have a device rest that fails again and again; one that is silent locks nobody out."""
        if not ran.failed:
            self._rest.worked()
        elif not ran.unanswered:
            self._rest.failed(login=ran.login_refused)

    def _secrets(self) -> Mapping[str, str]:
        """Read the secrets anew: they may have been changed. Raise Permanent if one cannot be."""
        found = {}
        for name, file in self._config.secrets.items():
            try:
                found[name] = file.read()
            except ConfigError as error:
                msg = f"secrets: {name}: {error}"
                raise Permanent(msg) from None
        return found

    def _late(self, ran: Ran) -> str:
        return self._line.late if ran.ended.why == LATE else ran.text


def _place(given: Mapping[str, Value]) -> str:
    """Return where an agent finds the device, if its parameters say so plainly."""
    place = next((_text(given[name]) for name in PLACES if name in given), "")
    return place if _PLACE.fullmatch(place) else ""


def _text(value: Value) -> str:
    """Write a parameter as agents read it."""
    return str(int(value)) if isinstance(value, bool) else str(value)
