"""The table of boots beside a value: a list of texts, and nothing that could be taken for one."""

from __future__ import annotations

import json

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.codec import INSTANT, is_sound, sound
from tests.stores.values import BOOT, at


@pytest.mark.parametrize("boots", ["", "abc", {}, {"a": "b"}, None, 0, [1], [BOOT, None], [[]]])
def test_e5_boots_are_a_list_of_texts(boots: object) -> None:
    written = json.loads(INSTANT.dumps(at(1)))
    assert INSTANT.loads(json.dumps(written)) == at(1)
    with pytest.raises(Permanent, match="expected a value and its boots"):
        INSTANT.loads(json.dumps(written | {"boots": boots}))


@pytest.mark.parametrize(
    "text", ["[]", "7", '"a"', "{}", '{"value":1}', '{"value":1,"boots":[],"a":1}']
)
def test_e5_a_record_is_a_value_and_its_boots_and_nothing_else(text: str) -> None:
    with pytest.raises(Permanent, match="expected a value and its boots"):
        INSTANT.loads(text)


def test_what_is_no_unicode_is_spelt_out_and_what_is_stays_as_it_is() -> None:
    assert [is_sound(text) for text in ("é\n", "\ud800")] == [True, False]
    assert [sound(text) for text in ("é\n", "a\ud800")] == ["é\n", "a\\ud800"]
