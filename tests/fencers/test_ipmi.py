"""IPMI against OpenIPMI's simulator: which machine answers, in what session, and what is seen."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError, Permanent, Temporary
from doctor_daemon.fencers.ipmi import Ipmi
from doctor_daemon.ports import Permit
from tests.contracts.fence_rigs import ipmi, put_secret
from tests.contracts.ipmi import PASSWORD, SERIAL, Bmc, simulator
from tests.contracts.rigs import UUID as ID
from tests.fakes.clock import BootClock, HandClock
from tests.fencers.processes import shown

OTHER_ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bmc]:
    with simulator(tmp_path_factory.mktemp("bmc"), UUID(ID).bytes_le) as found:
        yield found


@pytest.fixture
def bmc(simulated: Bmc) -> Iterator[Bmc]:
    simulated.power, simulated.fault = "on", "none"
    (simulated.folder / "calls").unlink(missing_ok=True)
    yield simulated
    simulated.thaw()


def permit(clock: BootClock, seconds: float = 5.0) -> Permit:
    return Permit(7, clock.now().plus(seconds))


def orders(bmc: Bmc) -> list[str]:
    return [call for call in bmc.calls() if call.startswith("set")]


def programs(parent: int) -> list[int]:
    """The processes that a process has started."""
    task = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in task.read_text(encoding="ascii").split()]


async def test_b6_an_order_is_off_or_on_and_nothing_else(bmc: Bmc, tmp_path: Path) -> None:
    clock = BootClock()
    device = ipmi(bmc, tmp_path, clock)
    assert await device.cut(permit(clock)) == (Outcome.ACCEPTED, "Chassis Power Control: Down/Off")
    assert orders(bmc) == ["set power 0"]
    assert await device.switch_on(permit(clock)) == (
        Outcome.ACCEPTED,
        "Chassis Power Control: Up/On",
    )
    assert orders(bmc) == ["set power 0", "set power 1"]


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("smbios", UUID(ID)),
        ("rfc4122", UUID(bytes=UUID(ID).bytes_le)),
        ("ipmi", UUID(bytes=UUID(ID).bytes_le[::-1])),
    ],
)
async def test_a14_the_order_of_the_bytes_is_configured(
    bmc: Bmc, tmp_path: Path, order: str, told: UUID
) -> None:
    device = ipmi(bmc, tmp_path, BootClock(), guid_order=order)
    assert (await device.identify()).uuid == str(told)


async def test_a14_another_machine_is_neither_believed_nor_cut(bmc: Bmc, tmp_path: Path) -> None:
    clock = BootClock()
    device = ipmi(bmc, tmp_path, clock)
    await device.identify()
    bmc.stop()
    other = Bmc(tmp_path / "other", UUID(OTHER_ID).bytes_le)
    other.port = bmc.port
    other.start()
    try:
        assert other.port == bmc.port
        reading = await device.read()
        assert (reading.power, reading.raw) == (
            Power.UNKNOWN,
            f"it answers for {OTHER_ID}, not for {ID}",
        )
        outcome, text = await device.cut(permit(clock))
        assert outcome is Outcome.UNSENT
        assert text == f"nothing was sent: it answers for {OTHER_ID}, not for {ID}"
        assert orders(other) == []
    finally:
        other.stop()
        bmc.start()


async def test_a14_a_host_may_be_known_by_its_serial_number(bmc: Bmc, tmp_path: Path) -> None:
    device = ipmi(bmc, tmp_path, BootClock(), serial=SERIAL)
    device.expects = OTHER_ID
    identity = await device.identify()
    assert (identity.uuid, identity.serial) == (OTHER_ID, SERIAL)
    assert identity.model == "PowerThing 9000"
    assert (await device.read()).power is Power.ON
    wrong = ipmi(bmc, tmp_path, BootClock(), serial="SN-0002")
    wrong.expects = OTHER_ID
    with pytest.raises(Permanent, match="its FRU says Product Serial 'SN-0001', not 'SN-0002'"):
        await wrong.identify()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
async def test_a14_a_guid_that_stands_for_none_is_none(tmp_path: Path, byte: int) -> None:
    words = "expected the machine's own; use `serial`"
    with simulator(tmp_path, bytes([byte] * 16)) as bmc, pytest.raises(Permanent, match=words):
        await ipmi(bmc, tmp_path, BootClock()).identify()


async def test_a_bmc_that_cannot_cut_refuses(tmp_path: Path) -> None:
    bmc, clock = Bmc(tmp_path, UUID(ID).bytes_le, control=False), BootClock()
    bmc.start()
    try:
        outcome, text = await ipmi(bmc, tmp_path, clock).cut(permit(clock))
    finally:
        bmc.stop()
    assert outcome is Outcome.REFUSED
    assert text.startswith("the BMC refuses: Set Chassis Power Control to Down/Off failed: Invalid")


async def test_a_cut_that_is_not_answered_in_its_session_is_unknown(
    bmc: Bmc, tmp_path: Path
) -> None:
    clock = BootClock()
    bmc.fault = "slow"
    ended = await ipmi(bmc, tmp_path, clock, timeout_s=1.0).cut(permit(clock))
    assert ended == (Outcome.UNKNOWN, "no answer within 1 s")
    assert len(orders(bmc)) >= 1
    bmc.fault = "none"


async def test_the_permit_is_looked_at_once_the_session_stands(bmc: Bmc, tmp_path: Path) -> None:
    clock = HandClock()
    device = ipmi(bmc, tmp_path, clock)
    in_time = Permit(7, clock.now().plus(1.0))
    bmc.freeze()
    cut = asyncio.create_task(device.cut(in_time))
    await asyncio.sleep(0.3)
    clock.move(1.001)
    bmc.thaw()
    with pytest.raises(LateError):
        await cut
    assert orders(bmc) == []


async def test_b2_nobody_there_is_temporary(bmc: Bmc, tmp_path: Path) -> None:
    bmc.stop()
    try:
        device = ipmi(bmc, tmp_path, BootClock(), timeout_s=1.0)
        with pytest.raises(Temporary):
            await device.identify()
        outcome, text = await device.cut(permit(BootClock()))
        assert outcome is Outcome.UNSENT
        assert text.startswith("nothing was sent: no")
    finally:
        bmc.start()


async def test_a_program_that_is_not_there_is_told(bmc: Bmc, tmp_path: Path) -> None:
    device = ipmi(bmc, tmp_path, BootClock(), ipmitool=tmp_path / "ipmitool")
    with pytest.raises(Temporary, match="ipmitool cannot be started: No such file"):
        await device.read()


GARBAGE = {
    "fails": "echo $((1 / 0))",
    "half": "ask; while read x; do echo Chassis Power is; ask; done",
    "bytes": "ask; while read x; do printf '\\377\\000\\n'; ask; done",
    "both": "ask; while read x; do echo Chassis Power is on; echo Chassis Power is off; ask; done",
    "noise": "head -c 3000000 /dev/urandom",
}


@pytest.mark.parametrize("script", GARBAGE.values(), ids=GARBAGE)
async def test_i6_garbage_is_no_answer(bmc: Bmc, tmp_path: Path, script: str) -> None:
    program = tmp_path / "tool"
    program.write_text(f"#!/bin/sh\nask() {{ printf 'ipmitool> '; }}\n{script}\n", encoding="ascii")
    program.chmod(0o700)
    clock = BootClock()
    device = ipmi(bmc, tmp_path, clock, ipmitool=program)
    with pytest.raises((Permanent, Temporary)):
        await device.identify()
    with contextlib.suppress(Temporary):
        assert (await device.read()).power is Power.UNKNOWN
    assert (await device.cut(permit(clock)))[0] in {Outcome.UNSENT, Outcome.UNKNOWN}
    assert bmc.power == "on"


async def test_b15_no_other_user_can_see_the_password(bmc: Bmc, tmp_path: Path) -> None:
    bmc.freeze()
    reading = asyncio.create_task(ipmi(bmc, tmp_path, BootClock()).read())
    await asyncio.sleep(0.3)
    (pid,) = programs(os.getpid())[-1:]
    command, environment = shown(pid, "cmdline"), shown(pid, "environ")
    bmc.thaw()
    await reading
    assert b"ipmitool" in command
    assert b"-U\0admin" in command
    assert PASSWORD.encode() not in command + environment


async def test_e7_it_logs_in_with_the_rights_of_an_operator(bmc: Bmc, tmp_path: Path) -> None:
    bmc.freeze()
    reading = asyncio.create_task(ipmi(bmc, tmp_path, BootClock()).read())
    await asyncio.sleep(0.3)
    (pid,) = programs(os.getpid())[-1:]
    command = shown(pid, "cmdline")
    bmc.thaw()
    await reading
    assert b"-L\0OPERATOR\0" in command


async def test_b16_a_call_leaves_no_process_behind(bmc: Bmc, tmp_path: Path) -> None:
    before = programs(os.getpid())
    device = ipmi(bmc, tmp_path, BootClock())
    await device.read()
    bmc.freeze()
    reading = asyncio.create_task(device.read())
    await asyncio.sleep(0.2)
    assert len(programs(os.getpid())) == len(before) + 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert programs(os.getpid()) == before


async def test_b18_the_next_password_is_tried_and_kept(bmc: Bmc, tmp_path: Path) -> None:
    old, new = put_secret(tmp_path / "old", "no-longer"), put_secret(tmp_path / "new", PASSWORD)
    device = ipmi(bmc, tmp_path, BootClock(), password_file=old, next_password_file=new)
    for _ in range(2):
        assert (await device.read()).power is Power.ON


async def test_b18_a_refused_login_is_not_repeated(bmc: Bmc, tmp_path: Path) -> None:
    clock, ends = HandClock(), list[str]()
    device: Ipmi = ipmi(bmc, tmp_path, clock)
    device.on_call = lambda call, _seconds, outcome: ends.append(f"{call} {outcome}")
    put_secret(tmp_path / "password", "wrong")
    with pytest.raises(Permanent, match="refuses username and password_file: RAKP 2 HMAC"):
        await device.read()
    bmc.stop()  # whoever asked now would get no answer
    try:
        with pytest.raises(Permanent, match=r"not tried again for 5 s, unless the password"):
            await device.read()
    finally:
        bmc.start()
    clock.move(5.0)
    with pytest.raises(Permanent, match="RAKP 2 HMAC"):
        await device.read()
    put_secret(tmp_path / "password", PASSWORD)
    assert (await device.read()).power is Power.ON
    assert ends == [*["read permanent"] * 3, "read on"]


async def test_b18_a_password_that_ipmi_cannot_carry_is_told(bmc: Bmc, tmp_path: Path) -> None:
    device = ipmi(bmc, tmp_path, BootClock())
    put_secret(tmp_path / "password", "x" * 21)
    with pytest.raises(Permanent, match="one line of at most 20 bytes"):
        await device.identify()


async def test_a_suite_that_the_bmc_has_not_is_told(bmc: Bmc, tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="does not take this `cipher`"):
        await ipmi(bmc, tmp_path, BootClock(), cipher=17).identify()


@pytest.mark.parametrize(
    "options",
    [
        {"address": "-x"},
        {"address": "a b"},
        {"username": "-U"},
        {"username": "a\nb"},
        {"cipher": 0},
    ],
)
def test_e4_nothing_of_it_is_an_option_of_the_program(
    tmp_path: Path, options: dict[str, object]
) -> None:
    whole = {"address": "192.0.2.1", "username": "u", "password_file": tmp_path, **options}
    with pytest.raises(ValueError, match=next(iter(options))):
        Ipmi.Config.model_validate(whole)
