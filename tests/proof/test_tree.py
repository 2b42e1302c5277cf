"""The tree is that of RFC 6962, and no change of its leaves keeps the root."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.proof import tree

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = (  # of the first n leaves, from the tests of the reference implementation (certificate-transparency)
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
leaves_of = st.lists(st.binary(max_size=4), max_size=40)


@pytest.mark.parametrize("count", range(len(ROOTS)))
def test_the_roots_are_those_of_the_reference_implementation(count: int) -> None:
    assert tree.root(LEAVES[:count]).hex() == ROOTS[count]


def _as_written(leaves: Sequence[bytes]) -> bytes:
    """The definition of RFC 6962, word for word: split at the largest power of two below the count."""
    if len(leaves) <= 1:
        return hashlib.sha256(b"\x00" + leaves[0] if leaves else b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _as_written(leaves[:split]) + _as_written(leaves[split:])).digest()


@given(leaves_of)
def test_it_is_the_definition_of_the_rfc(leaves: list[bytes]) -> None:
    assert tree.root(leaves) == _as_written(leaves)


@given(leaves_of, leaves_of)
def test_other_leaves_have_another_root(one: list[bytes], other: list[bytes]) -> None:
    assert (tree.root(one) == tree.root(other)) is (one == other)


def test_a_node_is_no_leaf() -> None:
    inner = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in LEAVES[:2]]
    assert tree.root([inner[0] + inner[1]]) != tree.root(LEAVES[:2])
