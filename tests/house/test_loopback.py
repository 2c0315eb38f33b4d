"""Only this machine counts as loopback, however it is written."""

import pytest

from tests.house.loopback import is_loopback


@pytest.mark.parametrize(
    "host",
    [None, "", "localhost", "127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1", b"127.0.0.1"],
    ids=repr,
)
def test_this_machine(host: object) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "192.0.2.1",
        "10.0.0.1",
        "0.0.0.0",  # noqa: S104 - it is refused here
        "::",
        "2001:db8::1",
        "::ffff:192.0.2.1",
        b"192.0.2.1",
        "example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        2130706433,
    ],
    ids=repr,
)
def test_another_machine(host: object) -> None:
    assert not is_loopback(host)
