"""Whether systemd would feed the host's watchdog, too: while the host runs, or when it goes down.

At a shutdown systemd-shutdown opens the device that the agent has left, gives it a time-out of its
own, and feeds it: `RebootWatchdogSec=`, which is 10 minutes where nobody has said otherwise. A host
whose shutdown hangs would live on for so long after its time is over.

systemd-system.conf(5); org.freedesktop.systemd1(5), RebootWatchdogUSec.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

BOOTED = Path("/run/systemd/system")
"""It is there where systemd is the init. sd_booted(3)."""
RUNTIME, REBOOT, KEXEC = "RuntimeWatchdogUSec", "RebootWatchdogUSec", "KExecWatchdogUSec"
REBOOT_BEFORE = "ShutdownWatchdogUSec"
"""As it was called before systemd 245."""
ASKED = (RUNTIME, REBOOT, KEXEC, REBOOT_BEFORE)
ASK = ("/usr/bin/systemctl", "show", "--no-pager", *(f"--property={name}" for name in ASKED))
ASK_S = 3.0
"""So long the start of the agent may take longer; the hardware waits for 10 s at least."""
PRINTED_MAX = 200
"""Characters of an answer that are told."""


def taken_over(ask: Sequence[str] = ASK, booted: Path = BOOTED) -> str:
    """Say why the watchdog is not the agent's alone; empty: it is, as far as systemd goes."""
    if not booted.is_dir():
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - a constant, but for tests
            ask, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=ASK_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return "systemd does not say whether it feeds the watchdog at a reboot"
    return against(done.stdout.decode("ascii", "replace"))


def against(printed: str) -> str:
    """Say what speaks against it in what `systemctl show` has printed; empty: nothing."""
    found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    known = {name: value for name, value in found.items() if name in ASKED}
    if RUNTIME not in known or not {REBOOT, REBOOT_BEFORE} & known.keys():
        return "systemd does not say whether it feeds the watchdog at a reboot"
    wrong = [f"{name}={value}" for name, value in known.items() if value != "0"]
    if wrong:
        told = ", ".join(wrong)[:PRINTED_MAX]
        return (
            f"systemd has {told}, and would feed the watchdog; expected 0, by "
            "/etc/systemd/system.conf.d/doctor-daemon-watchdog.conf"
        )
    return ""
