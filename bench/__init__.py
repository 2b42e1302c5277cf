"""Benchmarks, each printing a table; ``make bench-NAME`` runs one and leaves its numbers in bench/out/NAME.json."""
