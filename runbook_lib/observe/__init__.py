"""Reads the world, never writes; clients are passed in."""
