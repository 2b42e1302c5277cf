"""What is shown of an assessment."""

from __future__ import annotations

import pytest

from runbook_lib.show.assessment import portability_table


@pytest.mark.parametrize(("files", "said"), [(0, "is not known"), (1200, "Nothing found that binds")])
def test_a_source_that_nobody_read_is_not_shown_as_one_in_which_nothing_was_found(files: int, said: str) -> None:
    assert said in portability_table([], files).data
