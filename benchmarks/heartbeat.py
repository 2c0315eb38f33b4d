"""`make bench-heartbeat`: how many heartbeats one core verifies, and how soon a death is noticed.

The listener is the shipped one, a process pinned to one processor; who sends is pinned to another.
Verified means: its own count of beats that it believed. Lost is what was sent and is not among
them. The results go into results.json under a key of their own; the rest of it stays as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.beating import Hosts
from benchmarks.deaths import LIMIT_S, Deaths, Json, spread
from doctor_daemon.inspectors.heartbeat import HeartbeatConfig

RESULTS = Path(__file__).parent / "results.json"
KEY = "heartbeat"
SECRET = "a secret of the benchmark's own fleet"  # noqa: S105 - nobody else has it
WANTED_PER_S = {"hmac-sha256": 150_000, "blake2b": 250_000}
MORE = 1.01
"""So much more is sent than is wanted: a sender is never exactly on time."""
SUSPICION_WANTED_S = 0.5
BUFFER = 268_435_456
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Ear:
    """A running listener."""

    process: subprocess.Popen[bytes]
    port: int
    buffer_bytes: int
    rest: bytearray = field(default_factory=bytearray)

    def cpu_s(self) -> float:
        """Return the processor time that it has used."""
        words = Path("/proc", str(self.process.pid), "stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / TICKS

    def read(self, limit_s: float) -> list[Json]:
        """Return what it has told, waiting so long for something."""
        out = self.process.stdout
        if out is None or not select.select([out], [], [], limit_s)[0]:
            return []
        self.rest += os.read(out.fileno(), 1 << 20)
        *lines, rest = self.rest.split(b"\n")
        self.rest = bytearray(rest)
        return [json.loads(line) for line in lines]

    def stats(self) -> Json:
        """Return how it stands once it has taken all that was sent."""
        last: Json = {}
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            for told in self.read(1.5):
                if "beats" in told:
                    if told["beats"] == last.get("beats"):
                        return told
                    last = told
        return last


@contextmanager
def ear(algorithm: str, cpu: int | None) -> Iterator[Ear]:
    """Run a listener until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder, "secret")
        secret.touch(mode=0o600)
        secret.write_text(SECRET)
        options = {
            "listen": ["127.0.0.1:1"],
            "keys": [{"algorithm": algorithm, "secret_file": str(secret)}],
            "receive_buffer": BUFFER,
            "warm_up_s": 0.0,
            "memory_file": str(Path(folder, "memory")),
        }
        orders = dict(HeartbeatConfig.model_validate_json(json.dumps(options)).orders())
        orders["listen"] = [("127.0.0.1", 0)]
        argv = (sys.executable, "-m", "doctor_daemon.heartbeat.listener")
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as process:  # noqa: S603 - of our own making
            if process.stdin is None or process.stdout is None:
                return
            if cpu is not None:
                os.sched_setaffinity(process.pid, {cpu})
            process.stdin.write(json.dumps(orders).encode() + b"\n")
            process.stdin.flush()
            ready = json.loads(process.stdout.readline())
            try:
                yield Ear(process, ready["ready"][0], ready["buffer_bytes"])
            finally:
                process.stdin.close()
                process.wait(LIMIT_S)


def rate(algorithm: str, hosts: int, per_s: float, for_s: float, interval_ms: int) -> Json:
    """Send at a rate, and see what is verified, what is lost, and what it costs."""
    cpus = sorted(os.sched_getaffinity(0))
    mine, others = (cpus[0], cpus[1]) if len(cpus) > 1 else (None, None)
    with ear(algorithm, mine) as listener:
        said = {
            "cpu": others,
            "hosts": hosts,
            "algorithm": algorithm,
            "secret": SECRET.encode().hex(),
            "port": listener.port,
            "per_s": per_s,
            "for_s": for_s,
            "interval_ms": interval_ms,
        }
        pipe = subprocess.PIPE
        argv = (sys.executable, "-m", "benchmarks.beating")
        with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as sender:  # noqa: S603 - as above
            if sender.stdin is None or sender.stdout is None:
                return {}
            sender.stdin.write(json.dumps(said) + "\n")
            sender.stdin.flush()
            sender.stdout.readline()
            cpu_s, began_s = listener.cpu_s(), time.monotonic()
            sender.stdin.write("go\n")
            sender.stdin.flush()
            done = json.loads(sender.stdout.readline())
            took_s = time.monotonic() - began_s
        last = listener.stats()
        cpu_s = listener.cpu_s() - cpu_s
    beats = last["beats"]
    return {
        "algorithm": algorithm,
        "hosts": hosts,
        "asked_per_s": per_s,
        "seconds": took_s,
        "sent": done["sent"],
        "verified": beats,
        "lost": done["sent"] - beats,
        "dropped_by_kernel": last["drops"],
        "rejected": last["rejected"],
        "verified_per_s": beats / took_s,
        "cpu_share": cpu_s / took_s,
        "verified_per_cpu_s": beats / cpu_s if cpu_s else 0.0,
        "buffer_bytes": listener.buffer_bytes,
    }


def suspicion(count: int) -> Json:
    """Measure from a host's death to its suspicion, with the shipped patience."""
    algorithm = "blake2b"
    with ear(algorithm, None) as listener:
        hosts = Hosts.of(100, algorithm, SECRET.encode())
        deaths = Deaths(count, hosts, listener.port)
        times = deaths.run(listener, random.Random(1))
    return {"interval_s": 0.1, "hosts": 100, "accused": deaths.accused, **spread(times)}


def measured(*, quick: bool = False) -> Json:
    """Measure everything."""
    for_s, deaths = (2.0, 30) if quick else (10.0, 300)
    rates = [rate(name, 1000, MORE * wanted, for_s, 1000) for name, wanted in WANTED_PER_S.items()]
    shares = [rate("blake2b", hosts, 5.0 * hosts, for_s, 200) for hosts in (1000, 10_000)]
    return {
        "quick": quick,
        "machine": {
            "cpus": os.cpu_count(),
            "load_1min": os.getloadavg()[0],
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "verified": rates,
        "at_5_hz": shares,
        "suspicion": suspicion(deaths),
    }


def table(found: Json) -> str:
    """Return what is printed."""
    lines = []
    for one in found["verified"]:
        wanted = WANTED_PER_S[one["algorithm"]]
        met = one["lost"] == 0 and one["verified_per_s"] >= wanted
        lines.append(
            f"{one['algorithm']:12} {one['verified_per_s']:9,.0f}/s for {one['seconds']:.0f} s, "
            f"lost {one['lost']}, {one['verified_per_cpu_s']:9,.0f} a second of processor: "
            f"{'met' if met else 'not met'} (wanted {wanted:,})"
        )
    for one in found["at_5_hz"]:
        share = f"{one['cpu_share']:.1%} of a processor, lost {one['lost']}"
        lines.append(f"{one['hosts']:,} hosts, 5 beats a second: {share}")
    return "\n".join([*lines, _told(found["suspicion"])])


def _told(late: Json) -> str:
    """Say how late suspicions were. One that never came, or of a host that lives, fails it."""
    p99_s = late["p99_s"]
    wrong = late["missed"] + late["accused"]
    met = not wrong and p99_s is not None and p99_s <= SUSPICION_WANTED_S
    said = [
        f"{name} {'never' if (one := late[f'{name}_s']) is None else f'{one:.3f} s'}"
        for name in ("p50", "p99", "max")
    ]
    return (
        f"death to suspicion, beats every 100 ms: {', '.join(said)} (n {late['n']}, "
        f"never noticed {late['missed']}, accused alive {late['accused']}): "
        f"{'met' if met else 'not met'} (wanted {SUSPICION_WANTED_S:g})"
    )


def write(found: Json, path: Path) -> None:
    """Put the results beside those of the other figures."""
    whole = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**whole, KEY: found}, indent=1) + "\n")


def main() -> None:
    """Parse the command line, measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heartbeat", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter; the results say so")
    parser.add_argument("--out", type=Path, default=RESULTS)
    words = parser.parse_args()
    found = measured(quick=words.quick)
    write(found, words.out)
    print(table(found))


if __name__ == "__main__":
    main()
