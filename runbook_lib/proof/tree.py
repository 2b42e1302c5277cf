"""The Merkle tree of RFC 6962, section 2.1: one root over many leaves, in their order.

Leaves and nodes are hashed with different prefixes, so that no node can be passed off as a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of the leaves; of none it is the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(LEAF + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        level = [_join(level[index : index + 2]) for index in range(0, len(level), 2)]
    return level[0]


def _join(pair: Sequence[bytes]) -> bytes:
    """A node over two; the last of an odd row rises as it is, which is where RFC 6962 splits, too."""
    return hashlib.sha256(NODE + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0]
