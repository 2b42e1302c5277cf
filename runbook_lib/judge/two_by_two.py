"""The factor of an e-process for two proportions, where bad requests are so common that they are no Poisson counts.

An interval is a block of n_k and n_l requests, each bad with p_k and p_l. The null p_k <= m p_l (or >= for the mirrored
question) is convex. For an alternative q, chosen before the block is seen, let p° be the point of the null that is
closest to it in n_k KL(q_k, p_k) + n_l KL(q_l, p_l): the factor is the likelihood ratio of q against p°. Why its mean
is at most 1: for one request it is 1 + (p - p°)(q - p°) / (p° (1 - p°)), hence for the block at most
exp(sum over sides of n (p - p°)(q - p°) / (p° (1 - p°))), and that exponent is the slope of the distance from p°
towards p, with its sign turned, which is at most 0 because p° is the closest point of a convex set. Only the mean of p
over the block matters, so that requests need not be alike.

Source: Turner, Ly, Gruenwald, Generic E-variables for exact sequential k-sample tests that allow for optional stopping,
Journal of Statistical Planning and Inference 230, 2024 (arXiv 2106.02693); null with an effect: Turner, Gruenwald,
Exact anytime-valid confidence intervals for contingency tables and beyond, 2023 (arXiv 2203.09785).
"""

from __future__ import annotations

import numpy as np

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
BoolArray = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def log_factor(
    new: FloatArray,
    new_bad: FloatArray,
    old: FloatArray,
    old_bad: FloatArray,
    base: FloatArray,
    ratio: float,
    null: float,
) -> FloatArray:
    """The logarithm of the factor against the ratio ``null``, at an old side's rate of ``base`` foreseen.

    The alternative has ``ratio`` times the odds of ``base``: nearly that many times the rate where it is low, and still
    a rate where it is high.
    """
    new_bad, old_bad = np.minimum(new_bad, new), np.minimum(old_bad, old)
    old_rate = base
    new_rate = ratio * base / (1 - base + ratio * base)
    old_null = _closest(new, old, new_rate, old_rate, null)
    new_null = null * old_null
    found = (
        new_bad * np.log(new_rate / new_null)
        + (new - new_bad) * np.log((1 - new_rate) / (1 - new_null))
        + old_bad * np.log(old_rate / old_null)
        + (old - old_bad) * np.log((1 - old_rate) / (1 - old_null))
    )
    inside = new_rate <= null * old_rate if ratio > null else new_rate >= null * old_rate
    return np.where(inside, 0.0, found)  # an alternative that is no alternative tells nothing


def _closest(new: FloatArray, old: FloatArray, new_rate: FloatArray, old_rate: FloatArray, null: float) -> FloatArray:
    """The old side's rate at the point with ratio ``null`` that is closest to the alternative: root of a quadratic."""
    part = new / (new + old)
    linear = part * (null + new_rate) + (1 - part) * (1 + null * old_rate)
    constant = part * new_rate + (1 - part) * old_rate
    return np.asarray(2 * constant / (linear + np.sqrt(np.maximum(linear * linear - 4 * null * constant, 0.0))))
