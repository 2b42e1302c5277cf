"""Which files of a source tree are read: own code that runs, within bounds; what is left out is counted and named."""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from runbook_lib.model import Finding, Outcome

LARGEST = 2 * 2**20
MOST = 512 * 2**20
"""So many bytes of one tree are read at most; an application's own code is a hundredth of it."""
LIBRARIES = {"node_modules", "bower_components", "vendor", "third_party", "thirdparty", "site-packages", "Godeps"}
CACHES = {".venv", "venv", ".tox", ".nox", "__pycache__", ".mypy_cache", ".gradle", ".m2", ".yarn", ".next", ".nuxt"}
VENDORED = LIBRARIES | CACHES | {".git", ".svn", ".hg", ".bzr", ".idea", ".terraform"}
BUILT = frozenset(("target", "build", "dist"))
TESTS = frozenset(("test", "tests", "__tests__", "__mocks__", "testdata", "testFixtures", "integration-test", "e2e"))
TEST_FILE = re.compile(
    r"(?:.*(?:Test|Tests|TestCase|IT)\.(?:java|php)|(?:test_.*|.*_test|conftest)\.py|.*_test\.go"
    r"|.*\.(?:test|spec)\.[cm]?[jt]sx?)"
)
GENERATED = re.compile(
    r".*(?:\.min\.(?:js|css)|\.bundle\.js|\.pb\.go|_pb2(?:_grpc)?\.py|[.-][0-9a-f]{8,20}\.m?js|[.-]lock\.json)"
)


@dataclass(frozen=True)
class Entry:
    """One file: its path as the system knows it, and its name relative to the tree, fit to be shown."""

    path: str
    name: str
    size: int


@dataclass
class Tree:
    """What a walk came to."""

    files: list[Entry] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def walk(root: Path) -> Tree:
    """All files that may be read, in the order of their names. Symbolic links are not followed."""
    tree = Tree()
    top = os.fspath(root)
    leading: dict[str, list[str]] = {"out of the source tree": [], "in a circle": []}
    for entry, name in _entries(top, "", tree):
        if entry.is_symlink():
            tree.left_out["symbolic links"] += 1
            if where := _leads(entry.path, top):
                leading[where].append(name)
        elif not entry.is_file(follow_symlinks=False):
            tree.left_out["pipes, sockets and devices"] += 1
        elif reason := _not_own(entry.name, name):
            tree.left_out[reason] += 1
        else:
            tree.files.append(Entry(entry.path, name, entry.stat(follow_symlinks=False).st_size))
    tree.findings += [_links(names, where) for where, names in leading.items() if names]
    return tree


def unread(name: str, message: str) -> Finding:
    """What could not be read, and may bind the application all the same."""
    return Finding(
        check="source-readable",
        title="Every source file can be read",
        outcome=Outcome.INCONCLUSIVE,
        severity="warning",
        object=name,
        message=message,
        reason="What was not read may bind the application to its machine.",
        file=name,
    )


def shown(name: str) -> str:
    """A path fit for a line of a report: bytes that are no UTF-8 and control characters are written out."""
    try:
        if name.isprintable():
            name.encode()
            return name
    except UnicodeEncodeError:
        pass
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _entries(folder: str, prefix: str, tree: Tree) -> Iterator[tuple[os.DirEntry[str], str]]:
    waiting = [(folder, prefix)]
    while waiting:
        folder, prefix = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            name = prefix.rstrip("/") or "."
            tree.findings.append(unread(name, f"{name} cannot be listed: {error.strerror}"))
            continue
        below = []
        for entry in entries:
            name = prefix + shown(entry.name)
            if not entry.is_dir(follow_symlinks=False):
                yield entry, name
            elif reason := _not_run(entry.name, prefix):
                tree.left_out[reason] += 1
            else:
                below.append((entry.path, name + "/"))
        waiting += reversed(below)


def _not_run(folder: str, prefix: str) -> str:
    """Why nothing below that folder is the application's own running code; empty when it may be."""
    if folder in VENDORED:
        return "folders of others' code"
    above = prefix.split("/")
    if folder in BUILT and "src" not in above:
        return "folders of what was built"
    if folder in TESTS and "main" not in above:
        return "folders of tests"
    return ""


def _not_own(name: str, path: str) -> str:
    """Why a file is not the application's own running code; below ``main`` a name alone makes no test."""
    if TEST_FILE.fullmatch(name) and "main" not in path.split("/"):
        return "test files"
    return "generated files" if GENERATED.fullmatch(name) else ""


def _leads(path: str, top: str) -> str:
    """Where a link leads that is worth a word; one to what is read anyway, or to nothing, is not."""
    try:
        target = os.path.realpath(path, strict=True)
    except OSError as error:
        return "in a circle" if error.errno == errno.ELOOP else ""
    root = os.path.realpath(top)
    if os.path.commonpath([target, root]) != root:
        return "out of the source tree"
    return "in a circle" if Path(path).parent.resolve().is_relative_to(target) else ""


def _links(names: list[str], where: str) -> Finding:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    found = unread(names[0], f"{', '.join(names[:3])}{more}: links that lead {where}, which were not followed")
    if where == "in a circle":  # what they lead to is read without them
        return replace(found, outcome=Outcome.PASS, severity="info")
    return found
