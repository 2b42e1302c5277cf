"""The chance of a false FAIL is divided among the metrics, and adds up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.judge.alpha import AlphaShare, share_alpha


def test_shares_are_even_unless_weights_say_otherwise() -> None:
    assert share_alpha(["failed", "slow"], 0.01) == (AlphaShare("failed", 0.005), AlphaShare("slow", 0.005))
    weighted = share_alpha(["failed", "slow", "orders"], 0.01, {"failed": 3})
    assert [share.alpha for share in weighted] == pytest.approx([0.006, 0.002, 0.002])


@given(st.lists(st.text(), min_size=1, unique=True), st.floats(1e-6, 0.5), st.data())
def test_shares_add_up_to_the_whole(names: list[str], alpha: float, data: st.DataObject) -> None:
    weights = data.draw(st.dictionaries(st.sampled_from(names), st.floats(0.01, 100)))
    shares = share_alpha(names, alpha, weights)
    assert sum(share.alpha for share in shares) == pytest.approx(alpha)
    assert [share.name for share in shares] == names


@pytest.mark.parametrize(
    ("names", "alpha", "weights"),
    [([], 0.01, None), (["a", "a"], 0.01, None), (["a"], 0.0, None), (["a"], 1.0, None), (["a"], 0.01, {"b": 1.0}),
     (["a"], 0.01, {"a": 0.0}), (["a"], 0.01, {"a": float("nan")})],
)  # fmt: skip
def test_what_cannot_be_shared_is_refused(names: list[str], alpha: float, weights: dict[str, float] | None) -> None:
    with pytest.raises(BadParameters):
        share_alpha(names, alpha, weights)
