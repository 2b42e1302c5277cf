"""Writes: compares first, writes, reads back, returns a Change with before and after."""
