"""Which orders about Cinder a start gets, and which are kept, beside those that are not over."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.ports import Change
from doctor_daemon.stores.volumes import KEPT_MAX, LOADED_MAX, Records, loaded
from tests.stores.values import volume_order


def test_what_is_not_over_takes_no_place_of_what_is() -> None:
    over = [volume_order(number, over=True) for number in range(1, LOADED_MAX + 1)]
    every = [*over, volume_order(LOADED_MAX + 1, over=False)]
    assert loaded(every) == tuple(every)


def test_what_is_not_over_is_kept_however_old_it_is() -> None:
    records, over = Records(), volume_order(2, over=True)
    ended = (replace(over, number=number) for number in range(2, KEPT_MAX + 4))
    records.put(Change(orders=(volume_order(1, over=False), *ended)))
    records.drop_old()
    assert sorted(records.orders) == [1, *range(4, KEPT_MAX + 4)]
