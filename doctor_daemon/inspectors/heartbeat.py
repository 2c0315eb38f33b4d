"""Heartbeats: what our own agents and instanceha's say, heard by a process of its own.

Silence accuses a host, a beat is a sign of life: each is said as `voice` says things, so a host
with an open incident, whoever opened it, is said to be alive as long as it beats. For that the
listener is asked for the next beat of each such host; it tells nothing else but changes.

The listener may die, be killed or hang. Then it is started anew, and that is told; until it has
heard for a while nobody is accused, and what was said of hosts before grows old. Its end is no word
about any host.

A name that has a key and is no configured host is a witness: an agent on a controller, say. It is
never accused, and its voice is one more by which the listener knows that it is not deaf itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Self

from prometheus_client import Counter as Counted
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from typing_extensions import override

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.heartbeat.keys import SECRET_MIN, Algorithm
from doctor_daemon.heartbeat.settings import address_of
from doctor_daemon.inspectors.agents import Agents
from doctor_daemon.inspectors.listening import Ear, Said, listening
from doctor_daemon.inspectors.polling import Unserved
from doctor_daemon.inspectors.voice import View
from doctor_daemon.inspectors.wire import NAME_MAX
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Intake, SecretFile, SourceTerms
from doctor_daemon.ports.surroundings import Concern

AGAIN_S, AGAIN_MAX_S = 1.0, 30.0
STRANGERS_MAX = 1000
VERDICTS = {"down": Verdict.DOWN, "up": Verdict.UP, "hello": Verdict.UP, "beat": Verdict.UP}
OURS = "ddh1"


class HeartbeatKey(BaseModel):
    """One secret of the whole fleet, of which each host's key is made."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    number: Annotated[int, Field(ge=1, le=255)] = 1
    """By which an agent says under which secret its key was made."""
    algorithm: Algorithm = Algorithm.BLAKE2B
    """`blake2b` or `hmac-sha256`, as `heartbeat-key` was told."""
    secret_file: SecretFile
    """The file of the secret."""


class HeartbeatConfig(BaseModel):
    """The options of a source of type `heartbeat`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    listen: Annotated[tuple[str, ...], Field(min_length=1, max_length=8)]
    """ADDRESS:PORT where datagrams are taken, one or several: agents send to 7412, instanceha's to
    7411."""
    keys: Annotated[tuple[HeartbeatKey, ...], Field(max_length=2)] = ()
    """The secrets that are accepted, each `{number: 1, algorithm: blake2b, secret_file: FILE}`; two
    while one is changed."""
    hbv2_key_files: Annotated[tuple[SecretFile, ...], Field(max_length=2)] = ()
    """Files of instanceha's keys, where its agents are to be heard (HBV2). Each of these speaks for
    every host."""
    hbv2_interval_s: Annotated[float, Field(ge=1, le=300)] = 30.0
    """How often instanceha's agents send; they do not say."""
    misses: Annotated[int, Field(ge=2, le=100)] = 4
    """So many beats in a row must be missing before a host is accused."""
    phi: Annotated[float, Field(ge=1, le=16)] = 8.0
    """And so unlikely must its silence be by the rhythm of its last beats: one in 10 to the phi."""
    patience_max_s: Annotated[float, Field(ge=1, le=300)] = 30.0
    """However irregular its beats were, a host is not waited for longer; but for its misses."""
    leaving_s: Annotated[float, Field(ge=1, le=3600)] = 300.0
    """How long an agent that was stopped may be away."""
    warm_up_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    """After its start the listener accuses nobody for so long."""
    receive_buffer: Annotated[int, Field(ge=65_536, le=1_073_741_824)] = 8_388_608
    """Bytes that the kernel is to keep for the listener; net.core.rmem_max has to allow it."""
    memory_file: Path = Path("/var/lib/doctor-daemon/heartbeat.memory")
    """Where the listener remembers who was heard with what, so that nothing old is believed after a
    restart. Two sources need two."""
    kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] = "heartbeat"
    """The kind of this evidence. Where a second kind is needed, two sources of one kind do not
    make two."""

    @field_validator("listen")
    @classmethod
    def _addresses(cls, listen: tuple[str, ...]) -> tuple[str, ...]:
        for text in listen:
            try:
                address_of(text)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return listen

    @model_validator(mode="after")
    def _some_key(self) -> Self:
        numbers = {key.number for key in self.keys}
        if len(numbers) < len(self.keys):
            msg = "keys: expected two numbers"
            raise ValueError(msg)
        if not self.keys and not self.hbv2_key_files:
            msg = "keys: found none; expected a secret, or hbv2_key_files"
            raise ValueError(msg)
        return self

    def orders(self) -> Mapping[str, object]:
        """Return what the listener is told. Raise ConfigError when a secret cannot be used."""
        keys = [
            {"number": one.number, "algorithm": one.algorithm, "secret": _hex(one.secret_file)}
            for one in self.keys
        ]
        return {
            "listen": [address_of(text) for text in self.listen],
            "keys": keys,
            "hbv2_keys": [one.read().encode().hex() for one in self.hbv2_key_files],
            "hbv2_interval_s": self.hbv2_interval_s,
            "misses": self.misses,
            "phi": self.phi,
            "longest_s": self.patience_max_s,
            "leaving_s": self.leaving_s,
            "warm_up_s": self.warm_up_s,
            "buffer_bytes": self.receive_buffer,
            "memory": str(self.memory_file),
        }


def _keys_of(config: HeartbeatConfig) -> dict[str, object]:
    return {"keys": config.keys, "hbv2_key_files": config.hbv2_key_files}


def _hex(file: SecretFile) -> str:
    secret = file.read().encode()
    if len(secret) < SECRET_MIN:
        msg = f"{file}: the secret has {len(secret)} bytes; expected at least {SECRET_MIN}"
        raise ConfigError(msg)
    return secret.hex()


class Heartbeat(Unserved):
    """Hears heartbeats."""

    Config: ClassVar[type[HeartbeatConfig]] = HeartbeatConfig

    def __init__(self, config: HeartbeatConfig, terms: SourceTerms) -> None:
        """Start nothing yet."""
        super().__init__(terms)
        self._config = config
        self._metrics = Metrics()
        self._news: Mapping[str, object] = {}
        """Keys that the running listener has not been told of yet."""
        self._agents = Agents()
        self._strangers: set[str] = set()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._silent = False
        self._in_force: list[int] = []
        """The numbers of the keys that the listener accepts."""

    def measure(self, metrics: Metrics) -> None:
        """Count there from now on."""
        self._metrics = metrics

    def become(self, config: HeartbeatConfig) -> Callable[[], None] | None:
        """Take in other keys while it listens: no beat is missed, and nobody has to be met anew."""
        if config.model_copy(update=_keys_of(self._config)) != self._config:
            return None
        news = {name: config.orders()[name] for name in ("keys", "hbv2_keys")}

        def take() -> None:
            self._config, self._news = config, news

        return take

    @override
    async def run(self, intake: Intake) -> None:
        """Keep a listener, until cancelled."""
        pause_s = AGAIN_S
        while True:
            began = intake.now()
            try:
                async with listening(self._config.orders()) as ear:
                    await self._attend(ear, intake)
            except (Temporary, ConfigError) as error:
                self._log.error("heartbeats are not heard", reason=str(error))
            finally:
                self._metrics.beat_listening.labels(self.name).set(0)
                self._agents.forget()
                self._counts.clear()
            lived = intake.now().since(began) > AGAIN_MAX_S
            pause_s = AGAIN_S if lived else min(2 * pause_s, AGAIN_MAX_S)
            await asyncio.sleep(pause_s)

    async def _attend(self, ear: Ear, intake: Intake) -> None:
        """Hear one listener until it ends. Raise Temporary."""
        while True:
            said = await ear.hear()
            if "ready" in said:
                self._begun(said)
            for row in said.get("changes", ()):
                self._learn(row, intake)
            if self._news:
                news, self._news = self._news, {}
                await ear.tell(news)
            if "beats" in said:
                self._show(said)
                self._agents.glance(intake.host)
                await ear.want(list(self._agents.of(self._concerned)))
            await self._say(intake)

    async def _say(self, intake: Intake) -> None:
        """Say what is known; what was said and holds is said again by the voice's own rules."""
        try:
            await self._voice.say(self._agents.views(intake.host), intake)
        except Temporary as error:
            self._log.warning("evidence is not saved yet", reason=str(error))
            return
        self._agents.said()

    def _learn(self, row: Sequence[object], intake: Intake) -> None:
        """Take one change in: see `heartbeat.watch.Change`."""
        name, protocol, what, _, _, age_s, text = row
        name, protocol, what = str(name), str(protocol), str(what)
        fit = name.isprintable() and len(name) <= NAME_MAX
        host = self._agents.learn(name, protocol, intake.host) if fit else None
        if host is None:
            if name not in self._strangers and len(self._strangers) < STRANGERS_MAX:
                self._strangers.add(name)
                self._log.info("a witness, and no configured host", name=name[:NAME_MAX])
            return
        summary = str(text) or f"a heartbeat {float(str(age_s)):.2f} s ago"
        print_ = "" if protocol == OURS else f"{self._config.kind}-{protocol}"
        view = View(host, VERDICTS[what], self._config.kind, summary, print_)
        self._agents.tell(name, protocol, view)

    def _concerned(self, host: HostId) -> bool:
        """Tell whether a host has an open incident and may be alive: its next beat is wanted."""
        return self._voice.around.concern(host) is not Concern.NONE

    def _begun(self, said: Said) -> None:
        self._log.info(
            "listening for heartbeats", ports=said["ready"], remembered=said["remembered"]
        )
        found, wanted = int(said["buffer_bytes"]), self._config.receive_buffer
        if found < wanted:
            text = f"the kernel keeps {found} bytes and not {wanted}: raise net.core.rmem_max"
            self._log.warning("a small buffer for heartbeats", reason=text)

    def _show(self, said: Said) -> None:
        """Have the metrics show how the listener stands, and the log what has changed."""
        metrics, name = self._metrics, self.name
        self._add(metrics.beats.labels(name), "beats", "", said["beats"])
        for reason, count in said["rejected"].items():
            self._add(metrics.beats_rejected.labels(name, reason), "rejected", reason, count)
        self._add(metrics.beats_dropped.labels(name), "drops", "", said["drops"])
        for what, count in said["troubles"].items():
            self._add(metrics.beat_troubles.labels(name, what), "troubles", what, count)
        if said["keys"] != self._in_force:
            self._in_force = said["keys"]
            self._log.info("keys of heartbeats are in force", numbers=self._in_force)
        suspects = int(said["suspects"])
        metrics.beat_hosts.labels(name, "heard").set(int(said["hosts"]) - suspects)
        metrics.beat_hosts.labels(name, "silent").set(suspects)
        metrics.beat_lag.labels(name).set(said["lag_s"])
        silent = bool(said["silent"])
        metrics.beat_listening.labels(name).set(not silent)
        if silent and not self._silent:
            text = "no host is heard: it is our own trouble until one is, and accuses nobody"
            self._log.warning("heartbeats are silent", reason=text)
        if not silent:
            self._voice.around.looked(name)
        self._silent = silent
        if said["complaint"]:
            self._log.warning("the listener's memory", reason=said["complaint"])

    def _add(self, counter: Counted, what: str, which: str, total: int) -> None:
        """Count on from what this listener has told before."""
        new = total - self._counts[what, which]
        self._counts[what, which] = total
        counter.inc(max(new, 0))
