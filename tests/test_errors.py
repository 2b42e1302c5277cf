"""Every way to stop has an exit code of its own, and a sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook_lib import errors
from runbook_lib.errors import RunbookError


def _children(cls: type[RunbookError]) -> Iterator[type[RunbookError]]:
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _children(child)


KINDS: list[type[RunbookError]] = [RunbookError, *_children(RunbookError)]


def test_each_kind_has_its_own_exit_code_and_none_is_success() -> None:
    codes = [kind.exit_code for kind in KINDS]
    assert len(KINDS) > 10
    assert len(set(codes)) == len(codes)
    assert all(2 < code < 126 for code in codes)  # 1 and 2 belong to Python and the shell, 126 on to the shell
    assert errors.GatePending.exit_code == 75


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_by_the_name_that_a_kernel_reports(kind: type[RunbookError]) -> None:
    assert errors.by_name(kind.__name__) is kind


@pytest.mark.parametrize("name", ["ValueError", "KeyboardInterrupt", "", "runbookerror"])
def test_other_exceptions_are_none_of_ours(name: str) -> None:
    assert errors.by_name(name) is None


def test_a_notebook_shows_the_sentence_and_no_traceback() -> None:
    shown = errors.ChangeFailed("nginx refused")._render_traceback_()
    assert shown == ["ChangeFailed: nginx refused"]
