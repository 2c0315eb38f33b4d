"""What a testbed needs on the machine, made once and kept between runs.

The Debian packages (mariadb-server, rabbitmq-server) are installed by the caller, who may need
another user's rights for it.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.openstack.testbed.control import Say, down
from tests.openstack.testbed.services import HERE
from tests.openstack.testbed.template import digest, make_template

_PROGRAMS = ("/usr/sbin/mariadbd", "/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/bin/epmd")


def install(home: Path, say: Say) -> None:
    """Virtual environment, driver and template; finished steps are skipped.

    Raises SystemExit when a Debian package is missing.
    """
    missing = [program for program in _PROGRAMS if not Path(program).exists()]
    if missing:
        raise SystemExit(f"missing {', '.join(missing)}: install mariadb-server, rabbitmq-server")
    home.mkdir(parents=True, exist_ok=True)
    down(home)
    _install_packages(home / "venv", say)
    _install_drivers(home / "venv")
    began = time.monotonic()
    make_template(home)
    if time.monotonic() - began > 1:
        say("made the template of databases and keys")


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """The home is ours until the end. SystemExit: another run has it."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another run uses {home}; set DOCTOR_TESTBED_HOME") from None
        yield


def _install_packages(venv: Path, say: Say) -> None:
    want = digest("requirements.txt", "constraints.txt")
    stamp = venv / "installed"
    if stamp.exists() and stamp.read_text() == want:
        return
    say("installing Nova, Keystone, Placement and Cinder")
    if not (venv / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120)
    argv: list[str | Path] = [venv / "bin" / "python", "-m", "pip", "install", "--quiet"]
    argv += ["--constraint", HERE / "constraints.txt", "--requirement", HERE / "requirements.txt"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=1200)
    if done.returncode:
        raise SystemExit(f"pip failed:\n{done.stdout}{done.stderr}")
    stamp.write_text(want)
    say("installed")


def _install_drivers(venv: Path) -> None:
    """Nova loads compute drivers only from its own nova.virt package; Cinder's go beside others."""
    for source, package in (
        ("driver.py", "nova/virt"),
        ("volume_driver.py", "cinder/volume/drivers"),
    ):
        [folder] = venv.glob(f"lib/python3.*/site-packages/{package}")
        shutil.copyfile(HERE / source, folder / "testbed.py")
