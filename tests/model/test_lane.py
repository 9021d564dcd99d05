"""Columns of a lane: each row sees its own tokens and no other's, whatever was guessed wrong and whoever has left."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neocaret_model.engine.key_values import Memory, Prefix
from neocaret_model.engine.lane import FREE, Lane
from neocaret_model.engine.lane_memory import Blocks, LaneMemory, blocks_of


@settings(deadline=None)
@given(data=st.data())
def test_each_row_has_the_positions_of_its_own_tokens(data: Any) -> None:
    length = data.draw(st.integers(1, 9))
    numbers = list(range(data.draw(st.integers(1, 4))))
    lane, kept = Lane(length, len(numbers)), dict.fromkeys(numbers, 0)
    for _ in range(data.draw(st.integers(1, 8))):
        counts = [data.draw(st.integers(1, 4)) for _ in numbers]
        before = {column for column, owner in enumerate(lane.owners) if owner != FREE}
        slots = lane.open_step(counts)
        assert [slot.row for slot in slots] == [
            row for row, count in zip(numbers, counts, strict=True) for _ in range(count)
        ]
        assert not before & {slot.column for slot in slots}
        right = [data.draw(st.integers(1, count)) for count in counts]
        lane.accept(right)
        for row, more in zip(numbers, right, strict=True):
            kept[row] += more
        stay = data.draw(st.lists(st.sampled_from(range(len(numbers))), min_size=1, unique=True).map(sorted))
        lane.keep(stay)
        numbers = [numbers[place] for place in stay]
        lane.check()
        for row in numbers:
            owned = sorted(p for owner, p in zip(lane.owners, lane.positions, strict=True) if owner == row)
            assert owned == list(range(length, length + kept[row]))


def test_free_columns_are_used_again_before_new_ones() -> None:
    lane = Lane(3, 2)
    lane.open_step([3, 1])
    lane.accept([1, 1])
    assert [slot.column for slot in lane.open_step([1, 2])] == [1, 2, 4]
    lane.accept([1, 2])
    lane.keep([1])
    assert lane.owners == [FREE, FREE, 1, 1, 1]
    assert lane.open_step([1])[0].column == 0


def memory() -> Memory:
    return Memory(layers=2, heads=3, head_size=4, dtype=torch.float32, device=torch.device("cpu"))


def prefix(length: int) -> Prefix:
    made = Prefix(memory())
    made.reserve(length)
    made.length = length
    made.filled.copy_(torch.randn(made.filled.shape))
    return made


def test_a_prefix_ends_at_the_middle_and_nothing_is_left_of_the_one_before() -> None:
    lanes = LaneMemory(memory(), 10, Blocks(prefix=4, tail=8))
    assert lanes.buffer.nbytes == 0
    assert lanes.reserve(2, 3)
    lanes.buffer.fill_(torch.nan)
    own = prefix(5)
    lanes.fill(1, own)
    assert lanes.middle == 12
    assert torch.equal(lanes.buffer[:, :, 1, :, 7:12], own.filled)
    assert torch.count_nonzero(lanes.buffer[:, :, 1]) == torch.count_nonzero(own.filled)
    assert lanes.buffer[:, :, 0].isnan().all()


def test_growing_keeps_what_is_there_and_is_told() -> None:
    lanes = LaneMemory(memory(), 10, Blocks(prefix=4, tail=8))
    lanes.reserve(1, 0)
    own = prefix(10)
    lanes.fill(0, own)
    assert lanes.scrap == 7
    assert not lanes.reserve(1, 7)
    assert lanes.reserve(1, 8)
    assert lanes.scrap == 15
    assert lanes.reserve(4, 40)
    assert (lanes.lanes, lanes.scrap) == (4, 63)
    assert torch.equal(lanes.buffer[:, :, 0, :, 2:12], own.filled)


@pytest.mark.parametrize(("count", "rounded"), [(0, 0), (1, 4), (4, 4), (5, 8)])
def test_counts_are_rounded_up_to_blocks(count: int, rounded: int) -> None:
    assert blocks_of(count, 4) == rounded
