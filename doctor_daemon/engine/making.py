"""Makes the instruments that a configuration names: at the start, and power devices at a reload.

Which class is meant stands in the configuration, as a plug-in: nothing here knows any adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from doctor_daemon.config import Choice, DeviceChoice, Settings
from doctor_daemon.engine.clock import SystemClock
from doctor_daemon.engine.configured import wanted
from doctor_daemon.engine.lifelines import Lifelines
from doctor_daemon.engine.own_probes import Answers, OwnProbes, heard
from doctor_daemon.engine.ward import Instruments
from doctor_daemon.metrics import Metrics
from doctor_daemon.plugins import Faults
from doctor_daemon.ports import Clock, Controller, Notifier, PowerDevice, Store
from doctor_daemon.ports.program import SHARED


def instruments(settings: Settings) -> Instruments:
    """Make the adapters that the configuration names. Nothing is connected to yet.

    Raise ConfigError, a line for each one that cannot be made.
    """
    metrics, faults, answers = Metrics(), Faults(), Answers()
    cloud, state = settings.cloud, settings.store
    clock = SystemClock(era=state.shared)
    controller: Controller = faults.made("cloud", cloud.plugin, cloud.config, cloud.name, clock)
    store: Store = faults.made("state", state.plugin, state.config)
    settings.programs.bind(SHARED)
    fed = faults.made("watchdogs", _lifelines, settings, clock, metrics)
    devices = power_devices(settings.devices, metrics, answers, faults, fed, clock=clock)
    notifiers: dict[str, Notifier] = {
        one.name: faults.made(f"consumers: {one.name}", one.plugin, one.config, one.name)
        for one in settings.consumers
    }
    storage = _beside("storage", settings.storage, metrics, faults, clock)
    network = _beside("network", settings.network, metrics, faults, clock)
    faults.raise_any()
    _measure(controller, partial(_observe, metrics, cloud.kind))
    own = OwnProbes(wanted(settings.own_side), clock, answers)
    tools = (clock, store, controller, devices, notifiers, metrics, storage, network)
    return Instruments(*tools, own=own, lifelines=fed)


def _lifelines(settings: Settings, clock: Clock, metrics: Metrics) -> Lifelines | None:
    """Make what acknowledges hosts' watchdogs, if that is configured. Raise ConfigError."""
    found = settings.watchdogs
    if found is None:
        return None
    listen = (found.listen.host, found.listen.port)
    return Lifelines(listen, found.secrets(), found.file, clock, metrics)


def power_devices(
    choices: Iterable[DeviceChoice],
    metrics: Metrics,
    answers: Answers,
    faults: Faults,
    lifelines: Lifelines | None = None,
    *,
    clock: Clock | None = None,
) -> dict[str, PowerDevice]:
    """Make power devices, by their keys.

    One that can tell its host only by something else than a UUID has an attribute `expects`, and
    is told there which UUID the configuration gives to that host; one that is the host's own
    watchdog has `lifeline`, and is given the host's. The answers of one that is `elsewhere` than
    in the power devices' network do not show that we reach that.
    """
    devices, clock = dict[str, PowerDevice](), clock or SystemClock()
    for choice in choices:
        key = f"{choice.host}/{choice.name}"
        made = faults.made(f"hosts: {key}", choice.plugin, choice.config, choice.name, clock)
        if hasattr(made, "expects"):
            made.expects = choice.uuid
        if hasattr(made, "lifeline") and lifelines is not None:
            made.lifeline = lifelines.of(choice.host.name)
        observe: Callable[[str, float, str], None] = partial(_observe, metrics, choice.kind)
        if not getattr(choice.plugin, "elsewhere", False):
            observe = heard(observe, answers, choice.host, clock)
        _measure(made, observe)
        devices[key] = made
    return devices


def _beside(
    what: str, choice: Choice | None, metrics: Metrics, faults: Faults, clock: Clock
) -> Any:  # noqa: ANN401 - the plug-in's
    """Make the adapter of a service beside Nova, if the configuration names one."""
    if choice is None:
        return None
    made = faults.made(what, choice.plugin, choice.config, clock)
    _measure(made, partial(_observe, metrics, choice.kind))
    return made


def _measure(adapter: object, observe: Callable[[str, float, str], None]) -> None:
    """Have an adapter tell how long its calls take, if it offers to."""
    if hasattr(adapter, "on_call"):
        adapter.on_call = observe


def _observe(metrics: Metrics, target: str, call: str, seconds: float, outcome: str) -> None:
    metrics.call.labels(target, call, outcome).observe(seconds)
