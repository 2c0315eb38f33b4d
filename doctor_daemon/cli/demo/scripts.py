"""What people and machines do in the stories, beside the faults that lie in wait.

Each script begins when the host has died and its monitor has said so.
"""

from __future__ import annotations

import asyncio

from doctor_daemon.cli.demo.scene import PERSON, Scene
from doctor_daemon.cli.demo.stage import DEAD
from doctor_daemon.lab.record import Kind

SOME = 2
"""So many evacuations find a host before there is none any more."""
MOMENT_S = 0.3


async def nothing_more(_scene: Scene) -> None:
    """Let it take its course."""


async def a_human_confirms(scene: Scene) -> None:
    """Do what the daemon asks for: make sure, and say so."""
    await scene.until("held")
    scene.say(f"goes to the rack, and pulls both plugs of {DEAD}")
    scene.world.power_off(DEAD)
    await scene.command("confirm-off", "--host-again", DEAD, "--for", "10m")


async def the_power_is_lost(scene: Scene) -> None:
    """Have the host lose its power before anybody cuts it."""
    scene.say(f"both power supplies of {DEAD} fail", "somebody")
    scene.world.power_off(DEAD)


async def the_power_is_lost_and_a_human_confirms(scene: Scene) -> None:
    """Have it lose its power, and do what the daemon asks for."""
    await the_power_is_lost(scene)
    await a_human_confirms(scene)


async def the_alert_is_taken_back(scene: Scene) -> None:
    """Resolve the alert within the grace."""
    await scene.when(lambda facts: facts.told("suspected"), "an early notice")
    scene.world.recover(DEAD)
    scene.say("resolved: the network of the host is back", "monitor")
    await scene.alerts.resolve(DEAD)


async def nova_compute_reports(scene: Scene) -> None:
    """Have the accused host report to Nova within the grace, while the alert still fires."""
    await scene.when(lambda facts: facts.told("suspected"), "an early notice")
    scene.world.recover(DEAD)


async def nova_compute_reports_after_the_cut(scene: Scene) -> None:
    """Have the host that is said to be off report to Nova all the same."""
    await scene.when(lambda facts: facts.cuts, "a cut")
    scene.world.recover(DEAD)


async def the_power_returns(scene: Scene) -> None:
    """Give the power back while servers are being rebuilt elsewhere."""
    servers = len(scene.facts.servers)
    await scene.when(lambda facts: len(facts.happened(Kind.EVACUATE)) >= servers, "evacuations")
    scene.say(f"{DEAD} is switched on again: a restore policy", "somebody")
    scene.world.power_on(DEAD)
    await scene.when(lambda facts: len(facts.happened(Kind.POWER_OFF)) > 1, "a second cut")


async def no_host_is_left(scene: Scene) -> None:
    """Take every other host out of service once some evacuations have found one."""
    await scene.when(lambda facts: len(facts.evacuated) >= SOME, "a few servers elsewhere")
    scene.say("every other host is disabled: no host is left for the others", "somebody")
    for name, host in scene.world.hosts.items():
        host.service.disabled = name != DEAD or host.service.disabled


async def the_daemon_is_killed(scene: Scene) -> None:
    """Kill it when it has cut the power, and once more amid the evacuations."""
    await scene.when(lambda facts: facts.cuts, "a cut")
    await _killed(scene, "it has cut the power, and knows of no answer")
    await scene.when(lambda facts: facts.posts, "an evacuation")
    await _killed(scene, "it is evacuating")


async def _killed(scene: Scene, why: str) -> None:
    scene.say(f"kill -9 {scene.daemon.pid}: {why}")
    await scene.daemon.kill()
    await asyncio.sleep(MOMENT_S)
    scene.say("starts it again: doctor-daemon run", PERSON)
    await scene.daemon.start()
