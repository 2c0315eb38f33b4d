"""Keys are put into etcd in as few transactions as they fit into, and only while this one leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from doctor_daemon.core.audit import ORIGIN
from doctor_daemon.errors import Conflict
from doctor_daemon.stores.etcd_alone import Alone
from doctor_daemon.stores.etcd_batch import Batch
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, decoded
from doctor_daemon.stores.etcd_lease import EtcdLease
from doctor_daemon.stores.etcd_transactions import OPERATIONS_MAX, REQUEST_MAX
from doctor_daemon.stores.etcd_values import MARK, Mark, TooLarge, packed
from tests.stores.test_etcd_filled import OWN, Taking
from tests.stores.test_etcd_read import SENT, played
from tests.stores.values import at

END = ["mark", "schema", "term"]
"""What the end puts, beside all that was put before it."""


class Noting(Taking):
    """Notes which keys are put together; once another leads, its mark is what stands."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.batch = Batch(Alone(cast("Gateway", self), "/x/", OWN, cast("EtcdLease", None)))
        self.together: list[list[str]] = []
        self.done_but_lost = False
        """The next transaction is done, and its answer lost."""

    async def call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self.leads:
            found = self.ranged({"key": coded(b"/x/mark")})
            return {"responses": [{"response_range": found}]}
        answer = await super().call(path, body)
        puts = [one["request_put"] for one in body["success"] if "request_put" in one]
        self.together.append(
            [decoded(one["key"]).decode().removeprefix("/x/") for one in puts],
        )
        if self.done_but_lost:
            self.leads = False  # with the key of the leader that goes, too
            raise SENT
        return answer

    async def end(self) -> None:
        await self.batch.end(7, 3, at(99), ORIGIN)

    async def put(self, sizes: Sequence[int]) -> list[int]:
        """Put keys of these sizes, and return how many of them went together."""
        for number, size in enumerate(sizes):
            key = f"l/{number:03}"
            await self.batch.put(key, bytes(size - len(key)))
        await self.end()
        assert self.together[-1] == END
        return [len(some) for some in self.together[:-1]]


@pytest.mark.parametrize(
    ("sizes", "together"),
    [
        ([], []),
        ([9], [1]),
        ([9] * OPERATIONS_MAX, [OPERATIONS_MAX]),
        ([9] * (OPERATIONS_MAX + 1), [OPERATIONS_MAX, 1]),
        ([REQUEST_MAX], [1]),
        ([REQUEST_MAX - 9, 9], [2]),
        ([REQUEST_MAX - 9, 10, REQUEST_MAX - 10], [1, 2]),
        ([REQUEST_MAX, REQUEST_MAX], [1, 1]),
    ],
    ids=["none", "one", "full", "more", "large", "both", "apart", "large-ones"],
)
def test_keys_are_put_together_as_far_as_they_fit(sizes: list[int], together: list[int]) -> None:
    async def story() -> None:
        assert await Noting().put(sizes) == together

    played(story)


def test_a_key_that_no_transaction_holds_is_refused() -> None:
    async def story() -> None:
        with pytest.raises(TooLarge, match=f"has {REQUEST_MAX + 1} bytes"):
            await Noting().put([REQUEST_MAX + 1])

    played(story)


def test_what_a_try_before_has_left_goes_at_the_beginning_and_the_leader_at_the_end() -> None:
    async def story() -> None:
        noting = Noting("mark", "i/half", "l/1", "leader", "term", "disarm")
        await noting.batch.begin()
        assert sorted(noting.kept) == [b"/x/disarm", b"/x/leader", b"/x/term"]
        await noting.end()
        assert b"/x/leader" not in noting.kept

    played(story)


def test_an_end_whose_answer_was_lost_is_known_by_its_mark() -> None:
    async def story() -> None:
        noting = Noting("leader")
        noting.done_but_lost = True
        await noting.end()
        assert noting.together == [END]

    played(story)


@pytest.mark.parametrize("mark", [b"", b"nonsense", packed(MARK.dumps(Mark("other", 3, at(99))))])
def test_whoever_leads_no_more_is_told_at_the_end_and_before(mark: bytes) -> None:
    async def story() -> None:
        noting = Noting()
        noting.leads = False
        if mark:
            noting.kept[b"/x/mark"] = mark
        with pytest.raises(Conflict, match="somebody else leads"):
            await noting.end()
        with pytest.raises(Conflict, match="somebody else leads"):
            await noting.batch.begin()

    played(story)
