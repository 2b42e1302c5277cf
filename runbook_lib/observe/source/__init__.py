"""Reads a source tree and finds what binds the application to its machine, by rules that are data."""
