"""Users of the order service: they browse, order and log in, and what they saw is written down second by second."""

from sandbox.load.check import OrderCheck, check_orders
from sandbox.load.counts import Totals, totals

__all__ = ["OrderCheck", "Totals", "check_orders", "totals"]
