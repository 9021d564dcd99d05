from __future__ import annotations

import pytest

from neocaret_server import offers as offers_module
from neocaret_server.offers import MOST_LISTS, Offer, OfferedList, Offers


def a_list(*texts: str, before: str = "x = ", uri: str = "file:///x.py") -> OfferedList:
    return OfferedList(uri, before, "\n", texts)


def test_each_candidate_is_found_by_its_id() -> None:
    offers = Offers()
    first = offers.add(a_list("1", "2"))
    second = offers.add(a_list("3"))
    assert [offers.find(each) for each in first + second] == [Offer("x = ", text, "\n") for text in ("1", "2", "3")]
    assert len({*first, *second}) == 3


def test_last_is_the_best_of_the_last_list_and_counts_from_one() -> None:
    offers = Offers()
    offers.add(a_list("1", "2"))
    offers.add(a_list("3", "4"))
    assert [offer.text for each in ("last", "last:1", "last:2") if (offer := offers.find(each))] == ["3", "3", "4"]


@pytest.mark.parametrize(
    "wrong",
    ["", "last:0", "last:3", "last:", "9:1", "1:9", "0:1", "-1:1", "x", "1:1\n", "1:1:1", "1" * 99, "\uff11:\uff11"],
)
def test_what_was_not_offered_is_not_found(wrong: str) -> None:
    offers = Offers()
    offers.add(a_list("1", "2"))
    assert offers.find(wrong) is None


def test_nothing_was_offered_yet() -> None:
    assert Offers().find("last") is None


def test_old_lists_are_forgotten() -> None:
    offers = Offers()
    ids = [offers.add(a_list("1"))[0] for _ in range(MOST_LISTS + 1)]
    assert offers.find(ids[0]) is None
    assert offers.find(ids[1]) is not None


def test_huge_documents_are_not_kept_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers_module, "MOST_CHARACTERS", 25)
    offers = Offers()
    ids = [offers.add(a_list("1", before="x" * 10))[0] for _ in range(3)]
    assert [offers.find(each) is not None for each in ids] == [False, True, True]
    (huge,) = offers.add(a_list("1", before="x" * 1_000))
    assert offers.find(huge) is not None
    assert offers.find(ids[2]) is None


def test_nothing_of_a_closed_document_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers_module, "MOST_CHARACTERS", 25)
    offers = Offers()
    (first,) = offers.add(a_list("1", before="x" * 10))
    closed = offers.add(a_list("2", "3", before="x" * 10, uri="file:///closed.py"))
    offers.forget("file:///closed.py")
    assert [offers.find(each) for each in closed] == [None, None]
    assert (offers.find("last"), offers.newest) == (offers.find(first), 1)
    assert not offers.holds("2")
    # Their characters do not count any more, and their ids are not given again.
    (third,) = offers.add(a_list("4", before="x" * 10))
    assert third not in closed
    assert offers.find(first) is not None
    for _ in range(2):
        offers.forget("file:///x.py")
    assert (offers.find("last"), offers.newest) == (None, 0)
