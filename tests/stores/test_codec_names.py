"""E5: what cannot be read back is told in short, whatever names stand in it."""

from __future__ import annotations

import json

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.codec import HEAD
from tests.stores.values import rich

LONG = "x" * 5000


@pytest.mark.parametrize(
    "changed",
    [{LONG: 1}, {"words": {LONG: 1}}],
    ids=["field", "key"],
)
def test_e5_a_name_that_is_none_of_ours_is_told_in_short(changed: dict[str, object]) -> None:
    saved = json.loads(HEAD.dumps(rich()))
    saved["value"] |= changed
    with pytest.raises(Permanent, match="xxx") as refused:
        HEAD.loads(json.dumps(saved))
    assert len(str(refused.value)) < 300
