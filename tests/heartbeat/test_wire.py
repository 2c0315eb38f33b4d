"""The datagram: what is in it, and that nothing else is read as one."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.heartbeat.keys import Algorithm, Key
from doctor_daemon.heartbeat.wire import (
    HEAD,
    MAC_BYTES,
    NAME_MAX,
    SEQUENCE_NS,
    SIZE_MAX,
    SIZE_MIN,
    Beat,
    beat_of,
    boot_number,
    first_sequence,
    name_of,
    packed,
)
from tests.heartbeat.beats import OF_ALL, beat, datagram

COUNTS = st.integers(0, 2**64 - 1)
BEATS = st.builds(
    Beat,
    st.just(b"DDH1"),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 65_535),
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
)


@given(BEATS, st.binary(min_size=1, max_size=NAME_MAX))
def test_what_is_packed_is_read(said: Beat, name: bytes) -> None:
    sent = packed(said, name, OF_ALL.of(name).mac())
    assert SIZE_MIN <= len(sent) <= SIZE_MAX
    assert beat_of(sent) == said
    assert name_of(sent) == name
    assert beat_of(memoryview(bytearray(sent))) == said


@given(st.binary(max_size=2 * SIZE_MAX) | st.binary(max_size=400).map(lambda tail: b"DDH1" + tail))
def test_any_bytes_are_read_or_are_none(found: bytes) -> None:
    said = beat_of(found)
    assert (said is not None) == (SIZE_MIN <= len(found) <= SIZE_MAX and found[:4] == b"DDH1")


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_mac_is_the_standard_one(algorithm: Algorithm) -> None:
    name = b"cmp-1"
    key = Key(1, algorithm, b"s" * 40).of(name)
    sent = packed(beat(), name, key.mac())
    said, mac = sent[:-MAC_BYTES], sent[-MAC_BYTES:]
    standard = {
        Algorithm.HMAC_SHA256: hmac.digest(key.secret, said, "sha256")[:16],
        Algorithm.BLAKE2B: hashlib.blake2b(said, key=key.secret, digest_size=16).digest(),
    }
    assert mac == standard[algorithm]


@given(st.integers(0, 8 * (HEAD.size + 5 + MAC_BYTES) - 1))
def test_e1_any_changed_bit_is_noticed(bit: int) -> None:
    sent = bytearray(datagram(beat()))
    sent[bit // 8] ^= 1 << bit % 8
    said, mac = bytes(sent[:-MAC_BYTES]), bytes(sent[-MAC_BYTES:])
    assert OF_ALL.of(b"cmp-1").mac()(said) != mac


def test_an_agent_that_starts_again_goes_on_above_where_it_was() -> None:
    began_ns, lasted_ns = 77_123_456_789, 3_600 * 10**9
    beats = lasted_ns // (100 * 10**6)  # at the shortest interval
    assert first_sequence(began_ns) + beats < first_sequence(began_ns + lasted_ns)
    assert SEQUENCE_NS < 100 * 10**6


def test_the_boots_number_is_of_the_random_part() -> None:
    assert boot_number("0f5ab41a-6a6f-4a3c-9ddc-2ad4ef9f7b01") == 0x9DDC2AD4EF9F7B01
