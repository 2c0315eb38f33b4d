"""An exception that reaches nobody fails the test during which it was raised.

Each run is a process of its own: the audit hook and the log handler belong to a process.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PREAMBLE = """
import asyncio, logging, socket, threading, pytest
"""

UNHANDLED = """
async def test_task():
    async def broken():
        1 / 0
    asyncio.create_task(broken())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

async def test_callback():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

def test_log():
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("aiohttp.server").exception("Error handling request")

def test_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

class Broken:
    def __del__(self):
        1 / 0

def test_finaliser():
    Broken()

class Cycle:
    def __init__(self):
        self.itself = self

    def __del__(self):
        logging.getLogger("asyncio").error("Task was destroyed but it is pending!")

def test_cycle():
    Cycle()
"""

COMPLAINTS = [
    "Task exception was never retrieved",
    "Exception in callback",
    "aiohttp.server: Error handling request",
    "PytestUnhandledThreadExceptionWarning",
    "PytestUnraisableExceptionWarning",
    "asyncio: Task was destroyed but it is pending!",
]

CALLS = """
@pytest.mark.expects_exceptions
@pytest.mark.parametrize("number", range(4))
def test_call(number):
    try:
        if number == 0:
            socket.create_connection(("192.0.2.1", 9), timeout=1)
        elif number == 1:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
                datagrams.sendto(b"", ("192.0.2.1", 9))
        elif number == 2:
            socket.getaddrinfo("example.invalid", 9)
        else:
            asyncio.run(asyncio.open_connection("192.0.2.1", 9))
    except OSError:
        pass
"""

LOOPBACK = """
def test_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"")
    socket.getaddrinfo("localhost", 80)
"""

Run = Callable[[str], pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one test file under the plug-in, in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nfilterwarnings = error\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )

    def in_a_process(test: str) -> pytest.RunResult:
        pytester.makepyfile(PREAMBLE + test)
        return pytester.runpytest_subprocess("-p", "tests.house.complaints")

    return in_a_process


def test_every_exception_that_reaches_nobody_is_an_error(run: Run) -> None:
    result = run(UNHANDLED)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    for complaint in COMPLAINTS:
        result.stdout.fnmatch_lines([f"*{complaint}*"])


def test_a_test_may_expect_them(run: Run) -> None:
    result = run("pytestmark = pytest.mark.expects_exceptions\n" + UNHANDLED)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=len(COMPLAINTS))


def test_an_exception_belongs_to_one_test_alone(run: Run) -> None:
    result = run(UNHANDLED + "\ndef test_after(): pass\n" + LOOPBACK)
    result.stdout.fnmatch_lines(["ERROR *::test_log*"])
    result.stdout.no_fnmatch_line("ERROR *::test_after*")


def test_another_machine_is_refused_even_where_the_refusal_is_swallowed(run: Run) -> None:
    result = run(CALLS + LOOPBACK)
    result.assert_outcomes(passed=5, errors=4)
    for event in ("connect to '192", "sendto to '192", "getaddrinfo to 'example.invalid'"):
        result.stdout.fnmatch_lines([f"socket.{event}*: tests talk to 127.0.0.0/8 and ::1 alone"])


def test_an_exception_after_the_last_test_fails_the_run(run: Run) -> None:
    result = run("""
class Cycle:
    def __init__(self):
        self.itself = self

    def __del__(self):
        logging.getLogger("asyncio").error("too late")

@pytest.fixture(scope="session", autouse=True)
def late():
    yield
    Cycle()

def test_it():
    pass
""")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["after the last test:", "asyncio: too late"])
