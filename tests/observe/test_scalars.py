"""What a scalar is without quotes: the parser of kubectl decides, whose table is goyaml.v2's."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.observe.files.located import located

READ: list[tuple[str, Any, Any]] = [
    ("y", True, "y"),
    ("N", False, "N"),
    ("yes", True, True),
    ("off", False, False),
    ('"y"', "y", "y"),
    ("!!str y", "y", "y"),
    ("yy", "yy", "yy"),
    ("~", None, None),
    ("1e5", 100000.0, "1e5"),
    ("12345e6", 12345e6, "12345e6"),
    ("1e999", "1e999", "1e999"),
    ("1.5", 1.5, 1.5),
    (".5", 0.5, 0.5),
    ("08", 8.0, "08"),
    ("0644", 420, 420),
    ("0o644", 420, "0o644"),
    ("0x1F", 31, 31),
    ("0b11", 3, 3),
    ("1_000", 1000, 1000),
    ("1.2.3", "1.2.3", "1.2.3"),
    ("12:30:45", "12:30:45", "12:30:45"),
    ("2026-01-31", "2026-01-31", "2026-01-31"),
    ("250m", "250m", "250m"),
    ("9" * 5000, "9" * 5000, "9" * 5000),
]


@pytest.mark.parametrize(("text", "kubectl", "others"), READ, ids=[row[0][:12] for row in READ])
def test_a_scalar_is_what_its_reader_takes_it_for(text: str, kubectl: Any, others: Any) -> None:
    read = [located(f"a: {text}\n", "f", api).documents[0].get("a").value for api in (True, False)]
    assert read == [kubectl, others]
    assert [type(value) for value in read] == [type(kubectl), type(others)]


def test_other_files_than_manifests_keep_their_keys_as_written() -> None:
    found = located("off: [a]\n1: b\n", "policy.yaml")
    assert (list(found.documents[0].value), found.renamed) == (["off", "1"], [])
