"""What a knob says of itself: the share of the users, and what exactly stands there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Standing:
    """``weight``: percent of the users on the Kubernetes side; ``testers``: they are sent there by header or cookie.

    ``held`` is what stands there now, made of JSON's types: `restore` puts exactly that back.
    """

    weight: int
    testers: bool
    held: Any
