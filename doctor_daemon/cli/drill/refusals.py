"""When no drill is begun: what is asked beforehand, of the configuration, the daemon and Nova.

Each question has one answer that lets the drill go on, and words for every other. None of them
takes the place of a gate: the daemon asks its own again, when the order to fence has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from doctor_daemon.cli.drill.clouds import Clouds
from doctor_daemon.cli.drill.daemon import Daemon, Json
from doctor_daemon.cli.drill.report import Declined
from doctor_daemon.cli.show import OVER
from doctor_daemon.config import Settings
from doctor_daemon.config.drill import Drill
from doctor_daemon.core.host import HostId, HostPlan, Mode, Server, ServerId
from doctor_daemon.core.selection import EVACUABLE, stays
from doctor_daemon.ports import Fleet

PREFIX = "doctor-daemon-drill-"
"""How the name of every canary begins."""
MARK = "doctor-daemon:drill"
"""The key in its metadata that names the host which is drilled."""
NAMED_MAX = 3


def metadata(host: str) -> dict[str, str]:
    """Return what is written on a canary: that it may move, wherever only what is tagged does."""
    return {MARK: host, EVACUABLE: "true"}


# the configuration


def allowed(settings: Settings, name: str) -> tuple[Drill, HostPlan]:
    """Return what may be drilled. Raise Declined where the configuration does not let it be."""
    drill = settings.drill
    if drill is None:
        msg = f"{settings.file} has no section `drill`: see docs/operations.md, Drills"
        raise Declined(msg)
    host = settings.aliases.get(name.lower(), HostId(settings.cloud.name, name))
    plan = settings.plans.get(host)
    if plan is None:
        msg = f"{name} is not in the configuration"
        raise Declined(msg)
    for why in _unfit(settings, drill, plan):
        raise Declined(why)
    return drill, plan


def _unfit(settings: Settings, drill: Drill, plan: HostPlan) -> Iterator[str]:
    name, mode = plan.host.name, min(settings.mode, plan.mode)
    if name not in drill.names():
        yield f"{name} may not be drilled: drill.hosts names {', '.join(drill.hosts)}"
    if plan.protected:
        yield f"{name} is protected: {plan.protected}"
    if mode < Mode.EVACUATE:
        yield f"the mode of {name} is {mode.name.lower()}: only in mode evacuate is a canary saved"
    if not plan.levels or plan.levels[0].manual:
        yield f"{name} is fenced by a human first: a drill is for power devices"
    why = stays(_canary(plan.host.name), plan.selection)
    if why:
        yield f"a canary of {name} would not be moved: {why}"


def _canary(host: str) -> Server:
    """Return a canary as the daemon would see it."""
    tags = {f"server:{key}": text for key, text in metadata(host).items()}
    return Server(ServerId(""), PREFIX, "", volume=False, tags=tags)


# the daemon


async def check_daemon(daemon: Daemon, host: HostId) -> str:
    """Return the id of the host's last incident, which is over. Raise Declined, or Unanswered."""
    status, found = await daemon.status(), await daemon.explain()
    for why in (*_standing(status, str(host)), *_explained(found)):
        raise Declined(why)
    return found["incident"]["id"] if found["incident"] else ""


def _standing(status: Json, host: str) -> Iterator[str]:
    armed, budget = status["armed"], status["budget"]
    if not status["ready"]:
        yield "the daemon is not ready"
    if not armed["on"]:
        yield f"the daemon is disarmed: {armed['why']}"
    for row in status["incidents"]:
        if row["host"] == host:
            yield f"{host} has an open incident, which is {row['phase']}: {row['text']}"
        if row["phase"] != "down":
            yield f"an incident of {row['host']} is {row['phase']}: a drill is for quiet times"
    if budget["used"] >= budget["total"]:
        yield f"the budget is spent: {budget['used']} hosts fenced in {budget['window_s']:g} s"


def _explained(found: Json) -> Iterator[str]:
    host, incident, window = found["host"], found["incident"], found["maintenance"]
    if incident and incident["phase"] not in OVER:
        yield f"{host} has an open incident, which is {incident['phase']}"
    if window:
        yield f"{host} is in maintenance by {window['by']}: {window['why']}"
    if found["mode"] != "evacuate":
        yield f"to the running daemon the mode of {host} is {found['mode']}, not evacuate"


# Nova


async def check_cloud(clouds: Clouds, host: HostId) -> None:
    """See that the host is well and empty, and not alone. Raise Declined, or a DoctorError."""
    controller = clouds.controller
    look = await controller.look(host)
    if look.state != "up" or look.status != "enabled" or look.forced_down:
        flag = ", and forced down" if look.forced_down else ""
        msg = f"nova-compute of {host.name} is {look.state} and {look.status}{flag}"
        raise Declined(msg)
    if not any(_others(await controller.fleet(), host.name)):
        msg = f"no other host than {host.name} is up and enabled: a canary could not move"
        raise Declined(msg)
    await check_empty(clouds, host)


async def check_empty(clouds: Clouds, host: HostId, canary: str = "") -> Server | None:
    """See that no server is there, or on its way, but the canary, which is returned.

    Those on their way are asked for first: one that has come in between is there. Raise Declined.
    """
    moving = [str(one) for one in await clouds.controller.transits(host) if not one.over]
    if moving:
        msg = f"servers are on their way to or from {host.name}: {', '.join(moving[:NAMED_MAX])}"
        raise Declined(msg)
    found = (await clouds.controller.servers(host)).servers
    others = [f"{one.name} ({one.id})" for one in found if one.id != canary]
    if others:
        more = f" and {len(others) - NAMED_MAX} more" if len(others) > NAMED_MAX else ""
        msg = f"{host.name} has other servers: {', '.join(islice(others, NAMED_MAX))}{more}"
        if any(one.name.startswith(PREFIX) for one in found if one.id != canary):
            msg += "; a canary of an earlier drill is to be deleted by hand"
        raise Declined(msg)
    return found[0] if found else None


def _others(fleet: Fleet, name: str) -> Iterator[str]:
    for host, service in fleet.services.items():
        up = service.state == "up" and service.status == "enabled" and not service.forced_down
        if host != name and up:
            yield host
