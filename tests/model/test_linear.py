"""Products through packed weights: the same numbers, chosen only where they are right and faster."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from neocaret_model import linear

FORMATS = [(torch.float32, 1e-4), (torch.bfloat16, 0.2)]


@pytest.mark.parametrize(("dtype", "tolerance"), FORMATS, ids=["float32", "bfloat16"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 3, 4, 5, 21, 64])
@pytest.mark.parametrize("make", [linear.packed, linear.filled_up])
def test_packed_product_is_the_plain_one(
    make: linear.MakeLinear, rows: int, bias: bool, dtype: torch.dtype, tolerance: float
) -> None:
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this processor has no bfloat16 through oneDNN")
    weight, inputs = torch.randn(96, 64).to(dtype), torch.randn(rows, 64).to(dtype)
    added = torch.randn(96).to(dtype) if bias else None
    with torch.inference_mode():
        expected = linear.plain(weight, added)(inputs)
        torch.testing.assert_close(make(weight, added)(inputs), expected, rtol=0, atol=tolerance)


def test_few_numbers_of_rows_are_computed_with_and_few_rows_in_vain() -> None:
    computed = {rows: linear.rows_computed(rows) for rows in range(1, 1025)}
    assert all(rows <= more <= max(rows + 3, rows * 3 / 2) for rows, more in computed.items())
    assert len({computed[rows] for rows in range(1, 33)}) <= 9


def test_packed_product_is_computed_with_few_numbers_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()

    def multiply(rows: torch.Tensor, *_: object) -> torch.Tensor:
        seen.add(rows.shape[0])
        return rows[:, :2]

    def pack(weight: torch.Tensor, _rows: int) -> torch.Tensor:
        return weight

    operators = SimpleNamespace(_reorder_linear_weight=pack, _linear_pointwise=multiply)
    monkeypatch.setattr(torch.ops, "mkldnn", operators)
    product = linear.packed(torch.ones(2, 4))
    for rows in range(1, 33):
        assert product(torch.ones(rows, 4)).shape == (rows, 2)
    assert len(seen) <= 9


def test_packing_keeps_no_reference_to_the_weight() -> None:
    weight, inputs = torch.randn(96, 64), torch.randn(2, 64)
    with torch.inference_mode():
        expected = linear.plain(weight)(inputs)
        product = linear.packed(weight)
        weight.zero_()
        torch.testing.assert_close(product(inputs), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("packed", "plain", "filled_up", "winner"),
    [
        (2.0, 1.0, 0.1, linear.plain),
        (1.0, 2.0, 1.0, linear.packed),
        (1.0, 2.0, 0.95, linear.packed),
        (1.0, 2.0, 0.8, linear.filled_up),
    ],
)
def test_the_faster_one_is_chosen(
    monkeypatch: pytest.MonkeyPatch, packed: float, plain: float, filled_up: float, winner: linear.MakeLinear
) -> None:
    seconds = iter([packed, plain, filled_up])
    monkeypatch.setattr(linear, "_seconds", lambda *_: next(seconds))
    assert linear.choose(torch.randn(96, 64)) is winner


def test_a_wrong_kernel_is_never_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_seconds", lambda *_: 0.0)
    monkeypatch.setattr(linear, "packed", lambda weight, _bias=None: lambda rows: rows @ weight.T + 1.0)
    assert linear.choose(torch.randn(96, 64)) is linear.plain


def test_a_torch_without_the_kernel_computes_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())
    assert linear.choose(torch.randn(96, 64)) is linear.plain


def test_other_formats_are_left_to_torch() -> None:
    assert linear.choose(torch.randn(96, 64).half()) is linear.plain


def test_choosing_draws_no_random_number_of_the_users() -> None:
    before = torch.random.get_rng_state()
    linear.choose(torch.randn(8, 8, generator=torch.Generator()))
    assert torch.equal(torch.random.get_rng_state(), before)
