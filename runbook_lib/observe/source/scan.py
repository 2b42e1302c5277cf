"""Walks a source tree and finds what binds the application to its machine; large trees by several processes."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from runbook_lib.artefacts import Evidence, Rule
from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.source.choice import Choice, choice_of, suffix_of_script
from runbook_lib.observe.source.match import scan_text
from runbook_lib.observe.source.reading import read_source, read_start
from runbook_lib.observe.source.tree import LARGEST, MOST, Entry, Tree, unread, walk

MANY = 1000
"""From so many files on a second process is worth its start: ast-grep holds the interpreter while it parses."""
SHARE = 100
"""Files that a process takes at once."""
# Where a rule's `unless` looks: a library that answers the rule is named here.
JAVA_BUILD = {"pom.xml", "build.gradle", "build.gradle.kts"}
BUILD_FILES = JAVA_BUILD | {"requirements.txt", "pyproject.toml", "Pipfile", "package.json", "go.mod", "composer.json"}


@dataclass(frozen=True)
class Scan:
    """What a tree holds: evidence in file order, how many files were read, what could not be, what need not be."""

    evidence: tuple[Evidence, ...]
    files: int
    findings: tuple[Finding, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass
class _Part:
    """What was found in one share of the files."""

    evidence: list[Evidence] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    build: list[str] = field(default_factory=list)
    encodings: list[tuple[str, str, int]] = field(default_factory=list)
    read: int = 0


def scan_source(root: Path, rules: Iterable[Rule], processes: int | None = None, most: int = MOST) -> Scan:
    """Every place where a rule matches; paths are relative to ``root``. Symbolic links are not followed.

    ``processes``: None takes one a processor where the tree is large. ``most`` bytes are read. Raises BadParameters
    when the folder is missing, or holds no file that any rule is about.
    """
    if not root.is_dir():
        raise BadParameters(f"source tree {root} does not exist: check assessment.source in the parameters")
    choice = choice_of(rules)
    tree = walk(root)
    wanted = _within_bounds(list(_concerned(tree, choice)), most, tree)
    parts = list(_parts(wanted, choice.rules, processes))
    read = sum(part.read for part in parts)
    findings = [*tree.findings, *(finding for part in parts for finding in part.findings)]
    if not read and not findings:
        raise BadParameters(f"source tree {root} holds no source or configuration that the rules know: check the path")
    build = "\n".join(text for part in parts for text in part.build)
    open_ = {rule.id: rule for rule in choice.rules if not rule.unless or not re.search(rule.unless, build)}
    found = (item for part in parts for item in part.evidence if item.rule.id in open_)
    evidence = tuple(replace(item, rule=open_[item.rule.id]) for item in found)
    findings += _of_encodings([seen for part in parts for seen in part.encodings])
    return Scan(evidence, read, tuple(findings), dict(sorted(tree.left_out.items())))


def _concerned(tree: Tree, choice: Choice) -> Iterator[tuple[Entry, str]]:
    """The files that a rule is about, each with the name that it is judged by."""
    for entry in tree.files:
        base = entry.name.rpartition("/")[2]
        name = entry.name
        if "." not in base and 0 < entry.size < 2**20 and (suffix := suffix_of_script(read_start(entry))):
            name += suffix
        if base in BUILD_FILES or choice.by_name(name):
            yield entry, name


def _within_bounds(wanted: list[tuple[Entry, str]], most: int, tree: Tree) -> list[tuple[Entry, str]]:
    """As many of the files, from the first, as may be read; the rest is named."""
    total = 0
    for number, (entry, _) in enumerate(wanted):
        total += entry.size if entry.size <= LARGEST else 0
        if total > most:
            rest = sum(one.size for one, _ in wanted[number:]) / 2**20
            message = (
                f"{len(wanted) - number} files ({rest:.1f} MiB) from {entry.name} on were not read: "
                f"{most / 2**20:.0f} MiB of one tree are; name a smaller folder in assessment.source"
            )
            tree.findings.append(unread(entry.name, message))
            return wanted[:number]
    return wanted


def _parts(wanted: Sequence[tuple[Entry, str]], rules: tuple[Rule, ...], processes: int | None) -> Iterator[_Part]:
    count = processes or (len(os.sched_getaffinity(0)) if len(wanted) >= MANY else 1)
    shares = [wanted[first : first + SHARE] for first in range(0, len(wanted), SHARE)]
    work = partial(_of_share, tuple(replace(rule, finds=(), passes=()) for rule in rules))
    if count == 1 or len(shares) < 2:
        yield from map(work, shares)
        return
    context = multiprocessing.get_context("spawn")  # a forked copy of a notebook's threads may never come to life
    done = 0
    try:
        with ProcessPoolExecutor(min(count, len(shares)), context) as pool:
            for part in pool.map(work, shares):
                done += 1
                yield part
    except BrokenProcessPool:  # one was ended from outside, or could not begin: this one does the rest
        yield from map(work, shares[done:])


def _of_share(rules: tuple[Rule, ...], share: Sequence[tuple[Entry, str]]) -> _Part:
    part, choice = _Part(), choice_of(rules)
    for entry, name in share:
        found = read_source(entry)
        if isinstance(found, Finding):
            part.findings.append(found)
            continue
        part.read += 1
        if found.encoding in ("gb18030", "latin-1"):
            part.encodings.append((entry.name, found.encoding, found.line))
        if entry.name.rpartition("/")[2] in BUILD_FILES:
            part.build.append(found.text)
        found_here = scan_text(found.text, name, choice.by_name(name))
        part.evidence += found_here if name == entry.name else [replace(item, file=entry.name) for item in found_here]
    return part


def _of_encodings(seen: Sequence[tuple[str, str, int]]) -> Iterator[Finding]:
    """One finding for all files in another encoding than UTF-8: a container's default is UTF-8, or ASCII."""
    counts = Counter(encoding for _, encoding, _ in seen)
    for encoding, count in sorted(counts.items()):
        name, _, line = next(one for one in seen if one[1] == encoding)
        said = "read as GB18030" if encoding == "gb18030" else "neither GB18030, so words other than ASCII may be wrong"
        yield Finding(
            check="source-encoding",
            title="Source files are UTF-8",
            outcome=Outcome.PASS if encoding == "gb18030" else Outcome.INCONCLUSIVE,
            severity="info",
            object=name,
            message=f"{count} {'file is' if count == 1 else 'files are'} not UTF-8, the first is {name}:{line}; {said}",
            reason="A build in a container has another default encoding than the VM's.",
            file=name,
            line=line,
        )
