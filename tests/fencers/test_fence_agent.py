"""A fence agent as a power device: what it is told, how it ends, and what that is taken for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError, Permanent, Temporary
from doctor_daemon.fencers.fence_agent import FenceAgent
from doctor_daemon.ports import Permit
from doctor_daemon.ports.secrets import conceal
from tests.contracts.fence_rigs import fence_agent, put_secret
from tests.contracts.rigs import UUID
from tests.fakes.clock import BootClock, HandClock
from tests.fencers.agents import dummy, scripted, told
from tests.fencers.processes import living, pids_in, shown, written

SECRET = "hunter2-and-more"


def device(
    folder: Path,
    script: str,
    clock: BootClock | HandClock | None = None,
    **options: Any,  # noqa: ANN401 - any option
) -> FenceAgent:
    return fence_agent(str(scripted(folder, script)), clock or BootClock(), **options)


def permit(clock: BootClock | HandClock, seconds: float = 5.0) -> Permit:
    return Permit(7, clock.now().plus(seconds))


async def test_fence_dummy_is_read_cut_and_switched_on(tmp_path: Path) -> None:
    clock, file = BootClock(), tmp_path / "power"
    agent = str(dummy(tmp_path))
    switch = fence_agent(agent, clock, parameters={"status_file": str(file)})
    assert (await switch.identify()).uuid == UUID
    assert (await switch.read()).power is Power.ON
    assert (await switch.cut(permit(clock)))[0] is Outcome.ACCEPTED
    assert (await switch.read()).power is Power.OFF
    ended = await switch.cut(permit(clock))
    assert ended == (Outcome.ACCEPTED, "Success: Already OFF")
    assert (await switch.switch_on(permit(clock)))[0] is Outcome.ACCEPTED
    assert (await switch.read()).power is Power.ON
    file.write_text("perhaps", encoding="ascii")
    assert (await switch.read()).power is Power.UNKNOWN


async def test_b6_it_is_always_told_what_to_do_and_never_to_reboot(tmp_path: Path) -> None:
    clock = BootClock()
    agent = device(tmp_path, "exit 0", clock, parameters={"ip": "192.0.2.1", "plug": 7})
    await agent.identify()
    await agent.read()
    await agent.cut(permit(clock))
    await agent.switch_on(permit(clock))
    given = ["ip=192.0.2.1", "plug=7"]
    actions = ("status", "status", "off", "on")
    assert told(tmp_path) == [line for act in actions for line in (*given, f"action={act}")]


@pytest.mark.parametrize(
    ("script", "power"),
    [
        ("echo Status: ON; exit 0", Power.ON),
        ("exit 0", Power.ON),
        ("echo Status: OFF; exit 2", Power.OFF),
        ("exit 2", Power.OFF),
        ("echo Status: OFF; exit 0", Power.UNKNOWN),
        ("echo Status: ON; exit 2", Power.UNKNOWN),
        ("echo Status: ON; echo Status: OFF; exit 2", Power.UNKNOWN),
        ("echo 'ERROR: Failed: no plug' >&2; exit 1", Power.UNKNOWN),
        ("exit 3", Power.UNKNOWN),
        ("kill -9 $$", Power.UNKNOWN),
        ("echo Status: OFF; exit 127", Power.UNKNOWN),
        ("echo 'DeprecationWarning: pipes' >&2; echo Status: OFF; exit 2", Power.OFF),
        ("head -c 1000000 /dev/urandom; exit 2", Power.OFF),
    ],
)
async def test_i6_the_exit_status_is_the_power_unless_it_is_contradicted(
    tmp_path: Path, script: str, power: Power
) -> None:
    assert (await device(tmp_path, script).read()).power is power


@pytest.mark.parametrize(
    ("script", "outcome", "words"),
    [
        ("echo Success: Powered OFF; exit 0", Outcome.ACCEPTED, "Success: Powered OFF"),
        ("echo 'ERROR: timed out waiting' >&2; exit 1", Outcome.UNKNOWN, "ERROR: timed out"),
        ("exit 2", Outcome.UNKNOWN, "exit status 2"),
        ("kill -9 $$", Outcome.UNKNOWN, "exit status -9"),
        ("sleep 100", Outcome.UNKNOWN, "no answer within 0.5 s"),
    ],
)
async def test_b7_only_the_status_0_of_an_order_is_accepted(
    tmp_path: Path, script: str, outcome: Outcome, words: str
) -> None:
    clock = BootClock()
    ended, text = await device(tmp_path, script, clock, timeout_s=0.5).cut(permit(clock))
    assert (ended, text[: len(words)]) == (outcome, words)


async def test_b2_silence_is_temporary(tmp_path: Path) -> None:
    agent = device(tmp_path, "sleep 100", timeout_s=0.5)
    for call in (agent.identify, agent.read):
        with pytest.raises(Temporary, match=r"^no answer within 0\.5 s$"):
            await call()


async def test_a_lapsed_permit_starts_no_agent(tmp_path: Path) -> None:
    clock = HandClock()
    agent = device(tmp_path, "exit 0", clock)
    late = permit(clock, 1.0)
    clock.move(1.001)
    with pytest.raises(LateError):
        await agent.cut(late)
    assert told(tmp_path) == []


async def test_a_permit_that_lapses_while_waiting_for_its_turn_starts_no_agent(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    agent = device(tmp_path, "sleep 0.5; exit 0", clock)
    reading = asyncio.create_task(agent.read())
    await asyncio.sleep(0.1)
    cut = asyncio.create_task(agent.cut(permit(clock, 1.0)))
    clock.move(1.001)
    with pytest.raises(LateError):
        await cut
    await reading
    assert told(tmp_path) == ["action=status"]


async def test_a14_the_devices_own_name_of_the_plug_is_looked_at(tmp_path: Path) -> None:
    script = 'if [ "$action" = list ]; then echo 1,cmp-001; echo 2,cmp-002; fi; exit 0'
    mine = device(tmp_path, script, parameters={"plug": 2}, alias="cmp-002")
    identity = await mine.identify()
    assert (identity.uuid, identity.name) == (UUID, "cmp-002")
    for plug, says in ((1, "it calls it 'cmp-001'"), (3, "it lists no such plug")):
        other = device(tmp_path, script, parameters={"plug": plug}, alias="cmp-002")
        with pytest.raises(Permanent, match=f"^plug {plug}: {says}; expected 'cmp-002'$"):
            await other.identify()


async def test_b5_a_plug_that_is_listed_twice_is_none(tmp_path: Path) -> None:
    script = 'if [ "$action" = list ]; then echo 1,cmp-001; echo 1,cmp-001; fi; exit 0'
    agent = device(tmp_path, script, parameters={"plug": 1}, alias="cmp-001")
    with pytest.raises(Permanent, match="it lists no such plug"):
        await agent.identify()


async def test_a14_without_a_configured_uuid_it_is_nobody(tmp_path: Path) -> None:
    agent = device(tmp_path, "exit 0")
    agent.expects = ""
    assert (await agent.identify()).uuid == ""


async def test_b15_secrets_are_on_its_standard_input_alone(tmp_path: Path) -> None:
    password = put_secret(tmp_path / "password", SECRET)
    script = f'echo $$ > {tmp_path}/pid; echo "$given" >&2; sleep 0.5'
    agent = device(tmp_path, script, secrets={"password": password})
    reading = asyncio.create_task(agent.read())
    (pid,) = await written(tmp_path / "pid", 1)
    for name in ("cmdline", "environ"):
        assert SECRET.encode() not in shown(pid, name)
    assert SECRET not in (await reading).raw
    assert f"password={SECRET}" in told(tmp_path)
    assert SECRET not in repr(agent._config)  # noqa: SLF001 - what a log would show
    assert conceal(SECRET) == "[redacted]"


@pytest.mark.parametrize(
    "password", ['"quoted"', " spaced ", "a=b#c", "it's $HOME `x`", "pässwörd"]
)
async def test_a_secret_arrives_as_it_is(tmp_path: Path, password: str) -> None:
    file = put_secret(tmp_path / "password", password)
    await device(tmp_path, "exit 0", secrets={"password": file}).read()
    line = told(tmp_path)[0]
    assert line.startswith("password=")
    # As agents read it: what is around it is stripped, and one pair of quotes.
    value = line.strip().removeprefix("password=")
    assert (value[1:-1] if value[0] == value[-1] == '"' else value) == password


async def test_e4_no_secret_can_bring_an_action_of_its_own(tmp_path: Path) -> None:
    file = put_secret(tmp_path / "password", "one\naction=reboot")
    agent = device(tmp_path, "exit 0", secrets={"password": file})
    with pytest.raises(Permanent, match=r"^password: expected one printable line$"):
        await agent.read()
    assert told(tmp_path) == []


async def test_b16_no_agent_and_no_child_of_it_outlives_its_call(tmp_path: Path) -> None:
    script = (
        "trap '' TERM; (trap '' TERM HUP; setsid sleep 1000 & "
        f"echo $! >> {tmp_path}/pids; sleep 1000) & echo $! >> {tmp_path}/pids; yes"
    )
    with pytest.raises(Temporary, match=r"printed more than 16 MiB|no answer"):
        await device(tmp_path, script, timeout_s=4.0).read()
    assert living(pids_in(tmp_path / "pids")) == []


async def test_b18_a_refused_login_is_not_repeated(tmp_path: Path) -> None:
    clock = HandClock()
    password = put_secret(tmp_path / "password", SECRET)
    script = "echo 'ERROR: Failed: 401 Unauthorized' >&2; exit 1"
    agent = device(tmp_path, script, clock, secrets={"password": password})
    with pytest.raises(Permanent, match="401 Unauthorized"):
        await agent.read()
    for call in (agent.read, agent.identify):
        with pytest.raises(Permanent, match=r"it has refused the login; .* for 5 s"):
            await call()
    outcome, text = await agent.cut(permit(clock))
    assert outcome is Outcome.UNSENT
    assert text.startswith("nothing was sent: it has refused the login")
    assert len(told(tmp_path)) == 2
    clock.move(5.0)
    with pytest.raises(Permanent, match="401 Unauthorized"):
        await agent.read()
    put_secret(tmp_path / "password", "another-one")
    with pytest.raises(Permanent, match="401 Unauthorized"):
        await agent.read()


async def test_b18_failures_that_may_be_refused_logins_make_it_rest(tmp_path: Path) -> None:
    clock = HandClock()
    agent = device(tmp_path, f"exit $(cat {tmp_path}/status)", clock)
    status = tmp_path / "status"
    status.write_text("1", encoding="ascii")
    for _ in range(4):
        assert (await agent.read()).power is Power.UNKNOWN
    with pytest.raises(Temporary, match=r"it has failed 4 times in a row; .* for 5 s"):
        await agent.read()
    clock.move(5.0)
    status.write_text("2", encoding="ascii")
    for _ in range(3):
        assert (await agent.read()).power is Power.OFF


async def test_b18_a_device_that_is_away_may_be_asked_again(tmp_path: Path) -> None:
    agent = device(tmp_path, "echo Connection timed out >&2; exit 1", HandClock())
    for _ in range(6):
        with pytest.raises(Temporary, match=r"^Connection timed out$"):
            await agent.read()


async def test_calls_are_told_with_their_end(tmp_path: Path) -> None:
    clock, ends = HandClock(), list[str]()
    agent = device(tmp_path, 'test "$action" = off', clock)
    agent.on_call = lambda call, _seconds, outcome: ends.append(f"{call} {outcome}")
    await agent.cut(permit(clock))
    await agent.switch_on(permit(clock))
    with pytest.raises(LateError):
        await agent.cut(permit(clock, -1.0))
    with pytest.raises(Temporary):
        await agent.identify()
    assert ends == ["cut accepted", "switch_on unknown", "cut late", "identify temporary"]
