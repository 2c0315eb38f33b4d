"""Datagrams of watchdogs: what their agents ask, and what they are answered.

A host has a key and may say anything: whatever it says, it speaks for itself alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.lifelines import Lifelines
from doctor_daemon.heartbeat import lifeline as wire
from doctor_daemon.heartbeat.pledges import NO_UUID, Report
from doctor_daemon.heartbeat.wire import MAC_BYTES, NAME_MAX
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Permit
from tests.fakes.clock import HandClock
from tests.fuzz.datagrams import FOLDER, KEY, NAME
from tests.fuzz.requests import done

HOST, OTHER = "cmp-1", "cmp-2"
HEAD_BYTES = wire.ASK_MAX - NAME_MAX - MAC_BYTES - len(wire.ASKS) - 1
"""Bytes of a question's head that a host may choose: all but the first and its key's number."""
UNBOUND = "192.0.2.1"
"""An address that is nobody's: nothing listens here."""

_metrics = Metrics()


def _made(file: Path) -> Lifelines:
    _metrics.before_scrape.clear()  # of the one before
    made = Lifelines((UNBOUND, 9), (KEY,), file, HandClock(), _metrics)
    made.incident = lambda _: "i-1"
    return made


def _file() -> Path:
    return FOLDER / f"fuzz-{os.getpid()}.withheld"


def lifeline(data: bytes) -> None:
    """Questions as they come: what has no key of ours is not answered, and leaves nothing."""
    made = _made(_file())
    for datagram in (data, wire.ASKS + data, wire.ASKS + b"\x01" + data):
        assert made.take(datagram) is None
        found = wire.ask_of(datagram)
        if found is not None:
            said, name = found
            assert wire.packed(said, name, lambda _: datagram[-MAC_BYTES:]) == datagram  # noqa: B023 - called at once
    for host in (HOST, OTHER):
        stands = made.heard(host)
        assert (stands.report, stands.hold, stands.seen_s) == (None, None, None)


def _asked(made: Lifelines, said: wire.Ask) -> wire.Answer | None:
    """Ask as the host; what is answered is for it, and for what it has asked."""
    mac = KEY.of(NAME).mac()
    datagram = made.take(wire.packed(said, NAME, mac))
    if datagram is None:
        return None
    found = wire.answer_of(datagram)
    assert found is not None
    answer, name = found
    assert name == NAME
    assert wire.is_genuine(datagram, mac)
    assert (answer.boot, answer.sequence) == (said.boot, said.sequence)
    assert answer.flags in (0, wire.FED, wire.RELEASED)
    return answer


def genuine_lifeline(data: bytes) -> None:
    """Questions of a host that has a key and says anything: one after the other, then withheld."""
    made, number = _made(_file()), 0
    for at in range(0, min(len(data), 4 * HEAD_BYTES) + 1, HEAD_BYTES):
        head = data[at : at + HEAD_BYTES].ljust(HEAD_BYTES, b"\0")
        found = wire.ask_of(wire.ASKS + b"\x01" + head + NAME + bytes(MAC_BYTES))
        assert found is not None
        # A host that repeats what it was told, and one that says what it likes.
        for challenge in (number, found[0].challenge):
            answer = _asked(made, found[0]._replace(challenge=challenge))
            number = answer.challenge if answer else number
    stands, other = made.heard(HOST), made.heard(OTHER)
    assert (other.report, other.hold, other.seen_s) == (None, None, None)
    report = stands.report
    if report is not None:
        assert len(report.uuid) == len(NO_UUID)
        assert len(report.hardware) <= wire.HARDWARE_BYTES
        _withheld(made, report, number)


def _withheld(made: Lifelines, report: Report, number: int) -> None:
    """Withhold: from then on nothing that the host says has it acknowledged."""
    permit = Permit(1, HandClock().now().plus(10.0))
    try:
        ended = made.of(HOST).withhold(report.lease_s, report.timeout_s, permit)
        outcome, words = done(ended)
    finally:
        _file().unlink(missing_ok=True)
    assert words
    assert (outcome is Outcome.ACCEPTED) == report.armed
    if outcome is Outcome.ACCEPTED:
        for boot in (report.boot, report.boot ^ 1):
            said = wire.Ask(1, wire.ARMED, boot, 2**64 - 1, number, 1, 1, bytes(16), b"")
            answer = _asked(made, said)
            assert answer is None or answer.flags == 0
        assert made.heard(HOST).hold is not None


def withheld(data: bytes) -> None:
    """The file of what is withheld: what is damaged is left out, and proves nobody off."""
    file = _file()
    file.write_bytes(data)
    try:
        made = _made(file)
        done(made.restore(lambda _: "i-1"))
        assert made.heard(HOST).report is None
        hold = made.heard(HOST).hold
        assert hold is None or hold.off_s > hold.acked_s
    finally:
        file.unlink(missing_ok=True)
