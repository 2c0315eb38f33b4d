"""IPMI 2.0: reads, cuts and switches on one machine by its BMC, by way of ipmitool.

Each call is a session of its own that first asks which machine answers. It is made one at a time:
many a BMC has but a few sessions, and forgets one that was left open only after a minute.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.fencers.computer_system import cleaned
from doctor_daemon.fencers.ipmi_answers import (
    FRU,
    GUID,
    OFF,
    ON,
    STATUS,
    fru_of,
    guid_of,
    outcome_of,
    power_of,
    says_guid,
    uuid_of,
)
from doctor_daemon.fencers.ipmitool import LoginRefused, Shell, Target, shell
from doctor_daemon.fencers.logins import Logins
from doctor_daemon.fencers.timed import Line, Timed
from doctor_daemon.ports.program import SHARED
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.time import Clock, Permit


class IpmiConfig(BaseModel):
    """A BMC, the login there, and by what it is known that it is the right one."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    address: str = Field(pattern=r"^[0-9A-Za-z:][0-9A-Za-z.:%_-]*$", max_length=253)
    """The BMC's address; a name, too, but the name server may be on the host that has failed."""
    port: int = Field(default=623, ge=1, le=65_535)
    """Its UDP port."""
    username: str = Field(min_length=1, max_length=16)
    """A user of the BMC who may read and control the chassis. It is seen in the process list."""
    password_file: SecretFile
    """The file with that user's password, of at most 20 bytes; it is read at each call."""
    next_password_file: SecretFile | None = None
    """A second one, tried where the first is refused: while passwords are being changed."""
    privilege: Literal["operator", "administrator"] = "operator"
    """The level of the session."""
    cipher: Literal[3, 17] = 17
    """The cipher suite: 17 (SHA-256), or 3 (SHA-1) for a BMC that has nothing better."""
    guid_order: Literal["smbios", "rfc4122", "ipmi"] = "smbios"
    """How the bytes of the GUID lie on the wire, compared with `uuid` as it is written."""
    serial: str = Field(default="", max_length=128)
    """The Product Serial in its FRU: the host is known by it, and not by the GUID."""
    timeout_s: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False)
    """How long identify and read may take; a cut or a switch-on may take twice as long."""
    ipmitool: Path = Path("/usr/bin/ipmitool")
    """The program."""

    @field_validator("username", "serial")
    @classmethod
    def _printable(cls, text: str) -> str:
        if not text.isprintable() or text.startswith("-"):
            msg = "expected printable text that does not begin with a dash"
            raise ValueError(msg)
        return text


class Ipmi(Timed):
    """A `PowerDevice` that speaks IPMI 2.0 over a LAN (RMCP+)."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[IpmiConfig]] = IpmiConfig

    def __init__(self, config: IpmiConfig, name: str, clock: Clock) -> None:
        """Connect to nothing yet."""
        super().__init__(clock, config.address)
        self.name = name
        self.expects = ""
        """The configured UUID of the host, for one that is known by its serial number."""
        self._config = config
        files = (config.password_file, config.next_password_file)
        self._logins = Logins([file for file in files if file], clock)
        self._target = Target(
            tool=str(config.ipmitool),
            address=config.address,
            port=config.port,
            username=config.username,
            privilege=config.privilege,
            cipher=config.cipher,
            timeout_s=config.timeout_s,
        )
        self._line = Line(config.timeout_s)
        self._guid: bytes | None = None

    async def identify(self) -> Identity:
        """Say who the host is."""
        return await self._timed("identify", self._identify(), lambda _: "ok")

    async def read(self) -> Reading:
        """Read the power. It takes at most `timeout_s`, the wait for its turn included."""
        return await self._timed("read", self._read(), lambda reading: reading.power)

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        """Order the power off, once: neither cycle nor reset nor a soft shutdown."""
        return await self._timed("cut", self._order(OFF, permit), lambda ended: ended[0])

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        """Order the power on, once."""
        return await self._timed("switch_on", self._order(ON, permit), lambda ended: ended[0])

    async def close(self) -> None:
        """Hold nothing: no session outlives its call."""

    async def _identify(self) -> Identity:
        deadline_s = self._line.deadline()
        async with self._session(deadline_s) as session:
            said = await session.ask(GUID, deadline_s)
            if self._config.serial:
                identity = self._by_serial(fru_of(await session.ask(FRU, deadline_s)))
                self._guid = guid_of(said) if says_guid(said) else None
            else:
                self._guid = guid_of(said)
                identity = Identity(uuid_of(self._guid, self._config.guid_order))
        return identity

    def _by_serial(self, fru: dict[str, str]) -> Identity:
        """Return the host that is meant, if the FRU has its serial number."""
        found = fru.get("Product Serial", "")
        if found != self._config.serial:
            msg = f"its FRU says Product Serial {cleaned(found)!r}, not {self._config.serial!r}"
            raise Permanent(msg)
        name = cleaned(fru.get("Product Name", ""))
        return Identity(self.expects, found, "", name)

    async def _read(self) -> Reading:
        deadline_s = self._line.deadline()
        async with self._session(deadline_s) as session:
            try:
                await self._same_chassis(session, deadline_s)
                other = ""
            except Permanent as error:
                other = str(error)
            asked_at = self._clock.now()
            said = await session.ask(STATUS, deadline_s)
            answered_at = self._clock.now()
        if other:
            return Reading(Power.UNKNOWN, other, asked_at, answered_at)
        return Reading(power_of(said), said.text, asked_at, answered_at)

    async def _order(self, order: str, permit: Permit) -> tuple[Outcome, str]:
        """Send an order to the machine that was identified, by a session that stands."""
        sent = False
        deadline_s = self._line.deadline()
        try:
            async with self._session(deadline_s, order=True) as session:
                await self._same_chassis(session, deadline_s)
                permit.check(self._clock.now())
                sent = True
                said = await session.ask(order, self._line.deadline())
        except (Temporary, Permanent) as error:
            if sent:
                return Outcome.UNKNOWN, str(error)
            return Outcome.UNSENT, f"nothing was sent: {error}"
        outcome = outcome_of(order, said)
        return outcome, f"the BMC refuses: {said.text}" if outcome is Outcome.REFUSED else said.text

    async def _same_chassis(self, session: Shell, deadline_s: float) -> None:
        """Raise Permanent if another machine answers than the one that was identified."""
        if self._guid is None and self._config.serial:
            return  # it was never identified, or says no GUID
        guid = guid_of(await session.ask(GUID, deadline_s))
        self._guid = self._guid or guid
        if guid != self._guid:
            order = self._config.guid_order
            msg = f"it answers for {uuid_of(guid, order)}, not for {uuid_of(self._guid, order)}"
            raise Permanent(msg)

    @asynccontextmanager
    async def _session(self, deadline_s: float, *, order: bool = False) -> AsyncIterator[Shell]:
        """Open a session in its turn. Raise Temporary or Permanent when there is none."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._line.turn(deadline_s))
            await stack.enter_async_context(SHARED.turn(deadline_s, order=order))
            yield await self._opened(stack, deadline_s)

    async def _opened(self, stack: AsyncExitStack, deadline_s: float) -> Shell:
        """Log in by the first password that is taken."""
        refusals = []
        for password in self._logins.passwords():
            try:
                session = await stack.enter_async_context(shell(self._target, password, deadline_s))
            except LoginRefused as error:
                self._logins.refused(password)
                refusals.append(error)
                continue
            self._logins.taken(password)
            return session
        raise refusals[-1]
