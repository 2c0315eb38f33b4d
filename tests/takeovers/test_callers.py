"""The lab knows whose a request is, also once whoever sent it is dead."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from urllib.parse import urlsplit

import aiohttp

from doctor_daemon.lab.cloud import LabOptions
from tests.takeovers.callers import NOBODY, OverheardLab

HOST, LIMIT_S = "compute-1", 20.0
SEND = """
import os, signal, socket, sys
made = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
made.sendall(f"GET {sys.argv[2]} HTTP/1.1\\r\\nHost: a-bmc\\r\\n\\r\\n".encode())
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_request_is_of_the_process_that_has_the_other_end() -> None:
    async with OverheardLab(LabOptions(hosts=2)) as lab, aiohttp.ClientSession() as session:
        for pids in ({os.getpid()}, {os.getppid()}):
            lab.witness.pids = pids
            async with session.get(lab.system_url(HOST)):
                pass
        async with session.get(f"{lab.nova.root}/v2.1"):
            pass
        assert [pid for _, pid in lab.witness.asked(HOST, 0)] == [os.getpid(), NOBODY]
        assert [seen.host for seen in lab.witness.about(HOST, 1)] == [HOST]
        assert lab.witness.callers == [os.getpid(), NOBODY, NOBODY]


async def test_what_a_dead_process_had_sent_is_nobodys() -> None:
    """It has sent and died before the lab, which stands still meanwhile, has read a byte."""
    async with OverheardLab(LabOptions(hosts=1)) as lab:
        url = urlsplit(lab.system_url(HOST))
        argv = [sys.executable, "-c", SEND, str(url.port), url.path]
        with subprocess.Popen(argv) as dead:  # noqa: ASYNC220 - the lab must not read meanwhile
            assert dead.wait(LIMIT_S) < 0
        lab.witness.pids = {dead.pid, os.getpid()}
        assert lab.witness.requests == []
        async with asyncio.timeout(LIMIT_S):
            while not lab.witness.requests:  # noqa: ASYNC110 - the witness tells nobody
                await asyncio.sleep(0.01)
        assert [pid for _, pid in lab.witness.asked(HOST, 0)] == [NOBODY]
