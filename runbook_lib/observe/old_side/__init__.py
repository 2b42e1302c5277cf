"""The machines: alive, silent, saved, and what still points at them."""
