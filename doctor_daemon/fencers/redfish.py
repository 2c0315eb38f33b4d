"""Redfish: reads, cuts and switches on one System by its BMC. Source: DSP0266, DSP2046.

A BMC is slow, takes few requests at a time and may lie. So one call is made at a time, nothing but
a clear Off is told as OFF, and an answer counts only if it comes from the chassis that was
identified. An order is sent once: whether to send another is a decision, not plumbing.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator
from yarl import URL

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.fencers.bmc import Account, Answer, Bmc
from doctor_daemon.fencers.computer_system import FORCE_OFF, ON, System, parse
from doctor_daemon.fencers.logins import Logins
from doctor_daemon.fencers.timed import Timed
from doctor_daemon.fencers.vendors import Vendor, named, vendor_of
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.ports.names import shows
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.time import Clock, Permit

LOOK_AGE_S = 30.0
"""An order goes to the System as it showed itself at most this long ago; else it is asked again.

Asking always would cost a slow BMC the permit, which is good for a second.
"""


class RedfishConfig(Endpoint):
    """A System, and the login at its BMC."""

    url: str
    """The URL of the System itself, as its BMC spells it: https://BMC/redfish/v1/Systems/1."""
    username: str = Field(min_length=1, max_length=256)
    """A user of the BMC who may read the System and reset it."""
    password_file: SecretFile
    """The file with that user's password; it is read at each call."""
    next_password_file: SecretFile | None = None
    """A second one, tried where the first is refused: while passwords are being changed."""
    verify: bool = True
    """Whether the BMC has to show a certificate that is trusted."""
    vendor: Literal["auto", "idrac", "ilo", "xclarity", "supermicro", "openbmc", "strict"] = "auto"
    """Whose quirks are reckoned with; `auto`: by what the System says of its manufacturer."""
    i_accept_unverified_tls: bool = False
    """Needed with `verify: false`: whoever is on the way can read the password and answer."""

    @field_validator("username")
    @classmethod
    def _basic(cls, text: str) -> str:
        if ":" in text or not text.isprintable():
            msg = "expected a printable name without a colon (RFC 7617)"
            raise ValueError(msg)
        return text

    @model_validator(mode="after")
    def _unverified_is_accepted(self) -> Self:
        if not self.verify and not self.i_accept_unverified_tls:
            msg = (
                "verify: false lets whoever is on the way read the password and answer for the "
                "BMC; expected ca_file, or i_accept_unverified_tls: true"
            )
            raise ValueError(msg)
        return self


class Redfish(Timed):
    """A `PowerDevice` that speaks Redfish, with HTTP basic authentication."""

    api: ClassVar[int] = 1
    tells: ClassVar[str] = "host"
    Config: ClassVar[type[RedfishConfig]] = RedfishConfig

    def __init__(self, config: RedfishConfig, name: str, clock: Clock) -> None:
        """Connect to nothing yet. Raise ConfigError when `ca_file` cannot be used."""
        tls = config.tls(verify=config.verify)
        super().__init__(clock, URL(config.url).host or "", shown=shows(tls, config.url))
        self.name = name
        self._config = config
        files = (config.password_file, config.next_password_file)
        logins = Logins([file for file in files if file], clock)
        self._bmc = Bmc(config, tls, Account(config.username, logins), clock)
        self._uuid = ""
        self._latest: tuple[Instant, System] | None = None
        self._cut_at: Instant | None = None
        """When our own cut was last answered, or not answered any more."""

    async def identify(self) -> Identity:
        """Say who the host is. Raise Permanent too when this System could not be cut."""
        return await self._timed("identify", self._identify(), lambda _: "ok")

    async def read(self) -> Reading:
        """Read the power. It takes at most `timeout_s`, the wait for its turn included."""
        return await self._timed("read", self._read(), lambda reading: reading.power)

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        """Send ForceOff, once. It takes at most twice `timeout_s`."""
        return await self._timed("cut", self._order(FORCE_OFF, permit), lambda ended: ended[0])

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        """Send On, once. It takes at most twice `timeout_s`."""
        return await self._timed("switch_on", self._order(ON, permit), lambda ended: ended[0])

    async def close(self) -> None:
        """Let go of the connection."""
        await self._bmc.close()

    async def _identify(self) -> Identity:
        deadline_s = self._bmc.line.deadline()
        async with self._bmc.line.turn(deadline_s):
            system = self._seen(await self._ask(deadline_s))
        if system.reset.obstacle:
            msg = f"this System cannot be cut: {system.reset.obstacle}"
            raise Permanent(msg)
        self._uuid = system.identity.uuid
        return system.identity

    async def _read(self) -> Reading:
        deadline_s = self._bmc.line.deadline()
        async with self._bmc.line.turn(deadline_s):
            answer = await self._ask(deadline_s)
            power, said = self._power(answer)
        return Reading(power, said, answer.asked_at, answer.answered_at)

    def _power(self, answer: Answer) -> tuple[Power, str]:
        """Return what an answer says; one that is not clear, or not of this chassis, is UNKNOWN."""
        try:
            system = self._seen(answer)
            self._same_chassis(system)
        except Permanent as error:
            return Power.UNKNOWN, str(error)
        vendor = self._vendor(system)
        if system.power is Power.OFF and self._settling(vendor, answer):
            return Power.UNKNOWN, f"Off, {vendor.settle_s:g} s too early for {vendor.name}"
        return system.power, system.said

    def _vendor(self, system: System) -> Vendor:
        if self._config.vendor != "auto":
            return named(self._config.vendor)
        return vendor_of(system.maker, system.identity.model)

    def _settling(self, vendor: Vendor, answer: Answer) -> bool:
        """Tell whether an Off comes too soon after our own cut for this vendor."""
        return self._cut_at is not None and (answer.asked_at.since(self._cut_at) < vendor.settle_s)

    async def _order(self, kind: str, permit: Permit) -> tuple[Outcome, str]:
        deadline_s = self._bmc.line.deadline()
        try:
            async with self._bmc.line.turn(deadline_s):
                target = await self._target(kind, deadline_s)
                ended = await self._bmc.order(target, {"ResetType": kind}, permit)
        except (Temporary, Permanent) as error:
            return Outcome.UNSENT, f"nothing was sent: {error}"
        if kind == FORCE_OFF and ended[0] is not Outcome.UNSENT:
            self._cut_at = self._clock.now()
        return ended

    async def _target(self, kind: str, deadline_s: float) -> URL:
        """Return where to send a reset to, for the chassis that was identified."""
        if self._latest is None or self._clock.now().since(self._latest[0]) > LOOK_AGE_S:
            system = self._seen(await self._ask(deadline_s))
        else:
            system = self._latest[1]
        self._same_chassis(system)
        if obstacle := system.reset.obstacle_to(kind):
            raise Permanent(obstacle)
        return system.reset.target

    async def _ask(self, deadline_s: float) -> Answer:
        """Ask anew, and forget the look before: only the last one counts, a failed one too."""
        self._latest = None
        return await self._bmc.ask(deadline_s)

    def _seen(self, answer: Answer) -> System:
        system = parse(answer.content, self._bmc.url)
        self._latest = (answer.answered_at, system)
        return system

    def _same_chassis(self, system: System) -> None:
        """Raise Permanent if another machine answers than the one that was identified."""
        found = system.identity.uuid
        self._uuid = self._uuid or found
        if found != self._uuid:
            msg = f"it answers for {found}, not for {self._uuid}"
            raise Permanent(msg)
