"""What is believed of a datagram: forged, repeated and held back ones are not, and counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.heartbeat import hbv2
from doctor_daemon.heartbeat.hearing import REASONS
from doctor_daemon.heartbeat.keys import Algorithm, Key
from doctor_daemon.heartbeat.roll import HOSTS_MAX, Listed, Roll
from doctor_daemon.heartbeat.wire import LEAVING
from tests.heartbeat.beats import OF_ALL, SECRET, beat, datagram
from tests.heartbeat.ear import START_S, WALL_S, Ear, other_boot

HBV2_KEY = b"instanceha's key of the whole fleet"


def test_beats_are_believed_in_their_order() -> None:
    ear = Ear()
    assert [ear.beat(n) for n in (1, 2, 5, 6)] == [True] * 4
    assert ear.hearing.rejected == {}
    assert ear.roll.hosts[b"cmp-1"].sequence == 6


def test_e1_what_comes_under_another_hosts_key_is_no_beat_of_this_one() -> None:
    ear = Ear()
    other = OF_ALL.of(b"cmp-2")
    assert not ear.hear(datagram(beat(1), "cmp-1", other))
    assert ear.hearing.rejected == {"forged": 1}
    assert len(ear.roll) == 0, "nothing of it is kept"


def test_e1_a_known_host_cannot_be_spoken_for_either() -> None:
    ear = Ear()
    assert ear.beat(1)
    wrong = Key(1, Algorithm.BLAKE2B, b"another secret of another fleet")
    assert not ear.beat(2, of_all=wrong)
    assert ear.hearing.rejected == {"forged": 1}
    assert ear.beat(2)


def test_e1_the_algorithm_belongs_to_the_number() -> None:
    ear = Ear()
    weaker = Key(1, Algorithm.HMAC_SHA256, SECRET)
    assert not ear.beat(1, of_all=weaker)
    assert not ear.beat(1, of_all=Key(2, Algorithm.BLAKE2B, SECRET), key_id=2)
    assert ear.hearing.rejected == {"forged": 1, "unknown_key": 1}


def test_two_secrets_are_accepted_while_one_is_changed() -> None:
    new = Key(2, Algorithm.HMAC_SHA256, b"the next secret of the whole fleet")
    ear = Ear(keys=(OF_ALL, new))
    assert ear.beat(1)
    assert ear.beat(2, of_all=new, key_id=2)
    assert ear.beat(3), "an agent may go back"
    assert not ear.beat(3, of_all=new, key_id=2), "a sequence counts for both"
    assert len(ear.roll) == 1


def test_d4_a_host_is_heard_on_under_its_other_key_while_keys_are_changed() -> None:
    new = Key(2, Algorithm.HMAC_SHA256, b"the next secret of the whole fleet")
    ear = Ear()
    assert ear.beat(1)
    assert not ear.beat(2, of_all=new, key_id=2)
    ear.hearing.become({1: OF_ALL, 2: new}, ())
    assert ear.beat(2)
    assert ear.beat(3, of_all=new, key_id=2)
    assert not ear.beat(3), "what was heard counts on"
    ear.hearing.become({2: new}, ())
    assert not ear.beat(4), "the old key has gone"
    assert ear.beat(4, of_all=new, key_id=2)
    assert ear.hearing.rejected == {"unknown_key": 2, "replayed": 1}


def test_e1_another_secret_of_the_same_number_ends_the_old_one_at_once() -> None:
    ear, other = Ear(), Key(1, Algorithm.BLAKE2B, b"after the first one was stolen")
    assert ear.beat(1)
    ear.hearing.become({1: other}, ())
    assert not ear.beat(2)
    assert ear.hearing.rejected == {"forged": 1}
    assert ear.beat(2, of_all=other)


def test_d4_keys_of_instanceha_are_changed_too() -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    sent = hbv2.packed(int(WALL_S), b"compute-0", HBV2_KEY)
    ear.hearing.become({1: OF_ALL}, (b"another",))
    assert not ear.hear(sent)
    ear.hearing.become({1: OF_ALL}, (HBV2_KEY,))
    assert ear.hear(sent)


def test_e2_the_same_beat_again_is_none() -> None:
    ear = Ear()
    sent = datagram(beat(5, sent_s=START_S, wall_s=WALL_S))
    assert ear.hear(sent)
    assert not ear.hear(sent)
    assert not ear.beat(4)
    assert ear.hearing.rejected == {"replayed": 2}


def test_e2_beats_that_were_held_back_are_no_life() -> None:
    ear = Ear()
    assert ear.beat(1)
    assert not ear.beat(2, sent_s=START_S - 5.5)
    assert ear.beat(3, sent_s=START_S - 4.5), "networks are slow at times"
    assert ear.hearing.rejected == {"late": 1}


@pytest.mark.parametrize(("flags", "interval_ms"), [(LEAVING, 100), (0, 60_000)])
def test_e2_a_beat_that_was_held_back_alters_nothing(flags: int, interval_ms: int) -> None:
    ear = Ear()
    assert ear.beat(1)
    assert not ear.beat(2, sent_s=START_S - 5.5, flags=flags, interval_ms=interval_ms)
    host = ear.roll.hosts[b"cmp-1"]
    assert (host.leaving, host.unsettled, host.interval_ms) == (False, False, 100)
    assert host.rhythm.interval_s == 0.1
    assert ear.hearing.rejected == {"late": 1}
    assert ear.beat(3, sent_s=START_S - 4.5, flags=flags, interval_ms=interval_ms)
    assert (host.leaving, host.interval_ms) == (flags == LEAVING, interval_ms)


def test_e2_a_recording_of_an_earlier_boot_is_none() -> None:
    ear = Ear()
    recorded = datagram(beat(9, sent_s=START_S, wall_s=WALL_S + 1))
    assert ear.beat(1, wall_s=WALL_S)
    ear.tick(START_S + 60)
    assert ear.beat(1, boot=other_boot(), sent_s=5.0)
    assert not ear.hear(recorded)
    assert ear.hearing.rejected == {"replayed": 1}
    assert ear.roll.hosts[b"cmp-1"].boot == other_boot()


def test_e2_a_recording_of_an_unknown_boot_is_as_old_as_its_wall_clock() -> None:
    ear = Ear()
    assert not ear.beat(1, wall_s=ear.wall_s - 121)
    assert not ear.beat(1, wall_s=ear.wall_s + 121)
    assert ear.beat(1, wall_s=ear.wall_s - 119)
    assert ear.hearing.rejected == {"clock": 2}


def test_a_host_whose_clock_was_wrong_is_heard_once_it_boots_with_the_right_one() -> None:
    ear = Ear()
    assert ear.beat(1)
    assert ear.beat(2, wall_s=WALL_S + 1e6), "within a boot it is not asked"
    assert ear.beat(1, boot=other_boot())


def test_a11_a_step_of_our_clock_cuts_off_nobody_who_is_heard() -> None:
    ear = Ear()
    assert ear.beat(1)
    for step_s in (3600.0, -3600.0):
        ear.step_s = step_s
        ear.tick(ear.now_s + 1)
        assert ear.beat(round(ear.now_s), wall_s=WALL_S)
    assert not ear.beat(1, "cmp-2", wall_s=WALL_S), "who is new has to wait until it is right"
    assert ear.hearing.rejected == {"clock": 1}


def test_a11_two_quartzes_may_drift() -> None:
    ear = Ear()
    for n in range(1, 4000):
        ear.tick(ear.now_s + 60)
        drifted_s = START_S + (ear.now_s - START_S) * (1 - 0.0002)
        assert ear.beat(n, sent_s=drifted_s, interval_ms=60_000), f"after {n} minutes"


def test_e2_a_restart_forgets_no_boot_and_no_sequence() -> None:
    ear = Ear()
    assert ear.beat(7)
    kept = ear.roll.kept("our boot", ear.now_s)
    roll = Roll()
    roll.restore(kept, "our boot", START_S)
    again = Ear(roll=roll)
    assert not again.beat(7)
    assert not again.beat(8, sent_s=START_S - 6), "the way it takes is remembered, too"
    assert again.beat(9)
    assert again.hearing.rejected == {"replayed": 1, "late": 1}


def test_e2_after_a_boot_of_ours_wall_clocks_are_asked() -> None:
    ear = Ear()
    assert ear.beat(7)
    kept = ear.roll.kept("our boot", ear.now_s)
    roll = Roll()
    roll.restore(kept, "another boot", START_S)
    again = Ear(roll=roll)
    assert not again.beat(7)
    assert not again.beat(8, wall_s=WALL_S - 200)
    assert again.beat(9, sent_s=5_000.0), "no earlier way can be compared"
    assert again.hearing.rejected == {"replayed": 1, "clock": 1}


WHOLE = ["636d702d31", "ddh1", 7, 100, 1_800_000_000_000, 12_345, 200, 1.5]
NO_NUMBERS: tuple[object, ...] = ("7", True, 1e300, 2**80, None)
NO_INTERVALS: tuple[object, ...] = (0, -200, 10**9, 0.5, 1e999)
WRONG: list[tuple[int, object]] = [
    (0, 7),
    *((0, wrong) for wrong in ("", "zz", "00" * 256)),
    (1, "ddh2"),
    *((place, wrong) for place in (2, 3, 4, 5) for wrong in NO_NUMBERS),
    (3, -1),  # it was never heard, and is not kept then
    *((6, wrong) for wrong in NO_INTERVALS),
    (7, "1.5"),
    (7, None),
]
"""What can stand in the place of a row's part, and is none."""


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"version": 2, "boot": "", "hosts": []},
        {"version": 1, "boot": "", "hosts": [[1]]},
        *(
            {"version": 1, "boot": "", "hosts": [WHOLE, [*WHOLE[:at], wrong, *WHOLE[at + 1 :]]]}
            for at, wrong in WRONG
        ),
    ],
)
def test_a_damaged_memory_is_refused_whole(kept: dict[str, object]) -> None:
    roll = Roll()
    with pytest.raises((ValueError, KeyError, TypeError)):
        roll.restore(kept, "", 0.0)
    assert len(roll) == 0


def test_a_memory_that_is_whole_is_taken() -> None:
    roll = Roll()
    roll.restore({"version": 1, "boot": "", "hosts": [WHOLE]}, "", 0.0)
    assert [*roll.hosts] == [b"cmp-1"]


def test_who_was_silent_for_a_week_is_forgotten() -> None:
    ear = Ear()
    assert ear.beat(7)
    roll = Roll()
    roll.restore(ear.roll.kept("b", ear.now_s + 8 * 86_400), "b", START_S)
    assert len(roll) == 0


@pytest.mark.parametrize("interval_ms", [0, 99, 60_001])
def test_an_interval_that_no_agent_has_is_refused(interval_ms: int) -> None:
    ear = Ear()
    assert not ear.beat(1, interval_ms=interval_ms)
    assert ear.hearing.rejected == {"malformed": 1}


def test_e5_the_roll_is_bounded() -> None:
    ear = Ear()
    for n in range(HOSTS_MAX):
        ear.roll.add(Listed(str(n).encode(), "hbv2", 1000))
    assert not ear.beat(1)
    assert ear.hearing.rejected == {"too_many_hosts": 1}


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_any_bytes_are_counted_and_nothing_of_them_is_kept(found: list[bytes]) -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    for one in found:
        assert not ear.hear(one)
    assert sum(ear.hearing.rejected.values()) == len(found)
    assert set(ear.hearing.rejected) <= set(REASONS)
    assert len(ear.roll) == 0


@given(st.data())
def test_bytes_that_are_nearly_a_beat_are_none(data: st.DataObject) -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    assert ear.beat(1)
    protocol = data.draw(st.sampled_from(("ours", "hbv2")))
    good = (
        datagram(beat(2, sent_s=START_S, wall_s=WALL_S, flags=LEAVING))
        if protocol == "ours"
        else hbv2.packed(int(WALL_S), b"cmp-1", HBV2_KEY)
    )
    wrong = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        match data.draw(st.sampled_from(("flip", "cut", "add"))):
            case "flip" if wrong:
                wrong[data.draw(st.integers(0, len(wrong) - 1))] ^= data.draw(st.integers(1, 255))
            case "cut":
                del wrong[data.draw(st.integers(0, len(wrong))) :]
            case _:
                wrong += data.draw(st.binary(max_size=8))
    assert ear.hear(bytes(wrong)) == (bytes(wrong) == good)
