"""`python -m doctor_daemon.lab`: run the whole lab until SIGTERM or SIGINT.

One line of JSON on standard output names every endpoint, every file of credentials and the control.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import signal
import sys
from pathlib import Path

from doctor_daemon.lab import microversion
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.keystone import KeystoneOptions
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.redfish import RedfishOptions
from doctor_daemon.lab.schema import Refusal
from doctor_daemon.lab.servers import OwnerSees
from doctor_daemon.lab.world import Timing


def parser() -> argparse.ArgumentParser:
    """Describe the command line. Seconds may be fractions."""
    made = argparse.ArgumentParser(prog="python -m doctor_daemon.lab", description=__doc__)
    add = made.add_argument
    add("--hosts", type=_count, default=20)
    add("--servers-per-host", type=int, default=10)
    add("--projects", type=_count, default=5)
    add("--zones", type=_count, default=2)
    add("--tls", action="store_true", help="a certificate of the lab's own authority everywhere")
    add("--shared-bmc", action="store_true", help="one Redfish service for all systems")
    add("--resume-guests", action="store_true", help="a host that boots starts its guests again")
    add("--folder", type=Path, help="for credentials (default: one that goes with the lab)")
    add("--record", type=Path, help="a file for what truly happens, one JSON object a line")
    for name, default_s, what in (
        ("--report-interval-s", 10.0, "between two heartbeats of nova-compute"),
        ("--service-down-s", 60.0, "without a heartbeat until a service is down"),
        ("--rpc-timeout-s", 60.0, "for which Nova waits for a host that died unnoticed"),
        ("--compute-start-s", 3.0, "from power on to the first heartbeat"),
        ("--token-lifetime-s", 3600.0, "for which a token lives"),
        ("--keystone-delay-s", 0.0, "for which Keystone takes over any request"),
        ("--nova-delay-s", 0.0, "for which Nova takes over any request"),
        ("--bmc-delay-s", 0.0, "for which a BMC takes over any request"),
        ("--power-s", 1.0, "from a reset to its effect"),
    ):
        add(name, type=_seconds, default=default_s, help=f"seconds {what}")
    add("--nova-version", type=_version, default=(2, 96), help="Nova's highest microversion")
    add("--owner-sees", type=OwnerSees, choices=list(OwnerSees), default=OwnerSees.NOTHING)
    return made


def options(words: argparse.Namespace) -> LabOptions:
    """Read the options from a parsed command line."""
    return LabOptions(
        hosts=words.hosts,
        servers_per_host=words.servers_per_host,
        projects=words.projects,
        zones=words.zones,
        tls=words.tls,
        shared_bmc=words.shared_bmc,
        resume_guests=words.resume_guests,
        timing=Timing(
            report_interval_s=words.report_interval_s,
            service_down_s=words.service_down_s,
            compute_start_s=words.compute_start_s,
        ),
        keystone=KeystoneOptions(
            token_lifetime_s=words.token_lifetime_s, delay_s=words.keystone_delay_s
        ),
        nova=NovaOptions(
            highest=words.nova_version,
            rpc_timeout_s=words.rpc_timeout_s,
            owner_sees=words.owner_sees,
            delay_s=words.nova_delay_s,
        ),
        redfish=RedfishOptions(delay_s=words.bmc_delay_s, power_s=words.power_s),
        folder=words.folder,
        record=words.record,
    )


async def run(chosen: LabOptions) -> None:
    """Run a lab until a signal ends it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Lab(chosen) as lab:
        sys.stdout.write(json.dumps(lab.describe()) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Parse the command line, allow as many sockets as the system does, and run."""
    chosen = options(parser().parse_args())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.collect()
    gc.freeze()  # a lab that stands still now and then would be measured with the daemon
    gc.set_threshold(10_000, 50, 100)
    asyncio.run(run(chosen))


def _count(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word} is not at least 1")
    return number


def _seconds(word: str) -> float:
    number = float(word)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{word} is negative")
    return number


def _version(word: str) -> microversion.Version:
    try:
        return microversion.parse(word)
    except Refusal as refusal:
        raise argparse.ArgumentTypeError(refusal.message) from refusal


if __name__ == "__main__":
    main()
