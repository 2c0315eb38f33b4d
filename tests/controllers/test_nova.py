"""The Nova controller as it is made, and the token that it lives on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from doctor_daemon import plugins
from doctor_daemon.controllers.nova import Nova, NovaConfig
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import ConfigError, Permanent
from doctor_daemon.lab.cloud import ADMIN, Lab
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.ports import Controller
from tests.controllers.rigs import (
    HOST,
    OTHER,
    SMALL,
    FastClock,
    applied,
    calls,
    nova,
    rule,
)

REASON = "doctor-daemon:i-1: the host failed and its power is proven off"


def test_it_is_found_as_a_plugin_and_keeps_the_protocol() -> None:
    found: type[Controller] = Nova
    assert plugins.find(plugins.CONTROLLERS, "nova") is found


async def test_a_wrong_cloud_is_refused_at_once() -> None:
    async with Lab(SMALL) as lab:
        config = NovaConfig.model_validate({"clouds_file": lab.folder / CLOUDS, "cloud": "mars"})
        with pytest.raises(ConfigError, match=r"clouds\.mars: not found; the file has: doctor"):
            Nova(config, "default", FastClock())


async def test_a_ca_that_is_missing_is_refused_at_once(tmp_path: Path) -> None:
    async with Lab(SMALL) as lab:
        document = json.loads((lab.folder / CLOUDS).read_text())
        document["clouds"][ADMIN]["cacert"] = str(tmp_path / "none.pem")
        (lab.folder / CLOUDS).write_text(json.dumps(document))
        config = NovaConfig.model_validate({"clouds_file": lab.folder / CLOUDS, "cloud": ADMIN})
        with pytest.raises(ConfigError, match=r"none\.pem"):
            Nova(config, "default", FastClock())


@pytest.mark.parametrize(
    "option", [{}, {"cloud": ""}, {"read_timeout_s": 0}, {"connections": 0}, {"password": "x"}]
)
def test_wrong_options_are_refused(option: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NovaConfig.model_validate(
            {"clouds_file": "c.yaml", **({"cloud": "a"} if option else {})} | option
        )


async def test_it_closes_before_it_was_ever_used() -> None:
    async with Lab(SMALL) as lab, nova(lab):
        pass


async def test_a_password_that_was_rotated_needs_no_restart() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        await adapter.look(HOST)
        text = (lab.folder / CLOUDS).read_text()
        (lab.folder / CLOUDS).write_text(text.replace(lab.admin.password, "an old one"))
        lab.identity.revoke_all()
        with pytest.raises(Permanent, match="refuses the credentials"):
            await adapter.look(HOST)
        (lab.folder / CLOUDS).write_text(text)
        clock.advance(20)
        assert (await adapter.look(OTHER)).state in ("up", "down")


async def test_trap_25_a_slow_keystone_delays_no_look_while_a_token_lives() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        running = asyncio.create_task(adapter.run())
        await adapter.look(HOST)
        lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.HANG, times=None))
        clock.advance(3300)  # renewal is due
        await applied(lab, 1)
        for _ in range(5):
            began = clock.now()
            assert (await adapter.look(HOST)).state in ("up", "down")
            assert clock.now().since(began) < 1.0
        assert calls(adapter).count("token") == 1
        running.cancel()


async def test_trap_25_the_token_is_renewed_before_it_expires() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        running = asyncio.create_task(adapter.run())
        await adapter.look(HOST)
        clock.advance(3600 - 359)
        async with asyncio.timeout(5):
            while calls(adapter).count("token") < 2:  # noqa: ASYNC110 - counted in a callback
                await asyncio.sleep(0.005)
        running.cancel()


async def test_trap_c6_a_revoked_token_is_replaced_once() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        await adapter.look(HOST)
        lab.identity.revoke_all()
        looks = await asyncio.gather(*(adapter.look(HOST) for _ in range(5)))
        assert {look.state for look in looks} == {"up"}
        assert calls(adapter).count("token") == 2


async def test_trap_c6_a_put_with_a_dead_token_is_sent_again_with_a_live_one() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.identity.revoke_all()
        outcome, _ = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert outcome is Outcome.ACCEPTED


async def test_trap_25_a_second_401_is_an_error_and_keystone_is_left_alone() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = lab.world.hosts["compute-1"].service.uuid
        lab.faults.add(rule(Do.STATUS, "*", "*", status=401, times=None))
        for _ in range(5):
            with pytest.raises(Permanent, match="Nova refuses a token that Keystone has just"):
                await adapter.look(HOST)
        outcome, text = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert (outcome, "Nova refuses a token" in text) == (Outcome.REFUSED, True)
        assert calls(adapter).count("token") == 2
        assert len(lab.faults.applied) == 2 + 4 + 1, "one request each after the first"
        lab.faults.clear()
        assert (await adapter.look(HOST)).state == "up"
