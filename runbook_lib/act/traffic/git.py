"""GitOps: a change goes as a commit on top of what the platform follows, and is done when the platform shows it.

The commit is made beside the clone's work tree and index: whoever works in the clone is not disturbed, and two
processes that use one clone meet only at the push, where the later one compares anew.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, Unreachable
from runbook_lib.fields import write_duration
from runbook_lib.sections.traffic import GitOps

Edit = Callable[[bytes], bytes]
"""The file that is followed -> the file as it should be; what it raises ends the change before anything is written."""

ATTEMPTS = 6
LIMIT = 60.0  # seconds for one command of git's
LOOK_EVERY = 0.2, 3.0  # seconds, at first and at the most


@dataclass(frozen=True)
class Pushed:
    """The commit that holds the file as it should be; ``done``: it is ours, and was pushed now."""

    commit: str
    done: bool
    before: bytes
    after: bytes


def commit(git: GitOps, clients: Clients, edit: Edit, message: str, urgent: bool = False) -> Pushed:
    """Fetch, edit, commit and push; a branch that moved meanwhile is fetched and edited anew, a few times.

    A clone in which somebody is editing the file is refused, unless it is ``urgent``: the way back is always open.
    """
    clone = _Clone(git, clients)
    if not urgent:
        clone.refuse_while_edited()
    made, problem = "", ""
    for attempt in range(ATTEMPTS):
        tip = clone.fetch()
        before = clone.read(tip)
        if made and clone.holds(tip, made):  # the push came through, only its answer did not
            return Pushed(made, True, clone.read(f"{made}^"), clone.read(made))
        after = edit(before)
        if after == before:
            return Pushed(tip, False, before, after)
        made = clone.write(tip, after, message)
        problem = clone.push(made)
        if not problem:
            return Pushed(made, True, before, after)
        time.sleep(0.05 * 2**attempt)
    raise ChangeFailed(
        f"{clone.name}: the commit was refused {ATTEMPTS} times and {git.branch} stays as it is: {problem}; "
        "see that this clone may push there and that the branch is not protected, then try again"
    )


def until_live(git: GitOps, pushed: Pushed, stands: Callable[[], str]) -> timedelta:
    """Wait until ``stands`` says nothing more, and return how long that took; a sentence says what still stands.

    Raises ChangeFailed when the patience ends: the commit stays, the platform may still follow it.
    """
    begin, wait, patience = time.monotonic(), LOOK_EVERY[0], git.patience.total_seconds()
    while True:
        try:
            problem = stands()
        except Unreachable as error:
            problem = str(error)
        passed = time.monotonic() - begin
        if not problem:
            return timedelta(seconds=round(passed, 1))
        if passed >= patience:
            raise ChangeFailed(
                f"commit {pushed.commit[:12]} on {git.branch} of {git.repository} says so, but it is not live after "
                f"{write_duration(git.patience)}: {problem}; the commit stays, look at what follows the repository"
            )
        time.sleep(min(wait, max(patience - passed, 0.01)))
        wait = min(wait * 1.5, LOOK_EVERY[1])


def told(git: GitOps, pushed: Pushed, waited: timedelta) -> str:
    """The note of a Change that went through the repository."""
    whose = "" if pushed.done else "was there already, "
    return (
        f"commit {pushed.commit[:12]} on {git.branch} of {git.repository}: {whose}live after "
        f"{write_duration(waited)} (it may take {write_duration(git.patience)}, the way back, too)"
    )


def preflight(git: GitOps, clients: Clients) -> None:
    """BadParameters or Unreachable, in one sentence, when no commit could be made and pushed now."""
    clone = _Clone(git, clients)
    clone.refuse_while_edited()
    clone.read(clone.fetch())
    clone.require_an_author()


class _Clone:
    """A clone, asked through git itself; holds where it is and the environment that lets git ask nobody anything."""

    def __init__(self, git: GitOps, clients: Clients) -> None:
        self._git = git
        self._folder = clients.parameters.path(git.repository)
        self._environment = {**clients.environment, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        self._tip = f"refs/remotes/{git.remote}/{git.branch}"
        self.name = f"{self._folder} ({git.remote}/{git.branch})"
        if not self._folder.is_dir() or self._run("rev-parse", "--git-dir").returncode:
            raise BadParameters(
                f"traffic.knob.git.repository: {self._folder} is no clone of a repository; clone it first"
            )

    def refuse_while_edited(self) -> None:
        """BadParameters while the work tree holds something of that file that is not committed."""
        if self._run("rev-parse", "--is-inside-work-tree").stdout.strip() != b"true":
            return  # a bare clone: nobody edits there
        if said := self._ask("status", "--porcelain", "--", self._git.file).decode().strip():
            raise BadParameters(
                f"{self._folder}: {self._git.file} has changes that are not committed ({said}); commit or discard them "
                "first, nothing was changed"
            )

    def require_an_author(self) -> None:
        """BadParameters where git does not know in whose name to commit."""
        for who in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            if self._run("var", who).returncode:
                raise BadParameters(
                    f"{self._folder}: git does not know who commits; set user.name and user.email there (git config)"
                )

    def fetch(self) -> str:
        """The commit that the remote's branch stands at."""
        wanted = f"+refs/heads/{self._git.branch}:{self._tip}"
        done = self._run("fetch", "--quiet", "--no-tags", self._git.remote, wanted)
        if done.returncode:
            raise Unreachable(
                f"{self.name} cannot be fetched ({_said(done)}); check traffic.knob.git.remote, .branch, the network; "
                "nothing was changed"
            )
        return self._ask("rev-parse", "--verify", self._tip).decode().strip()

    def read(self, commit: str) -> bytes:
        done = self._run("cat-file", "blob", f"{commit}:{self._git.file}")
        if done.returncode:
            raise BadParameters(
                f"traffic.knob.git.file: {self._git.file} is not in {self.name}; name the file that holds it"
            )
        return done.stdout

    def holds(self, tip: str, commit: str) -> bool:
        return self._run("merge-base", "--is-ancestor", commit, tip).returncode == 0

    def write(self, tip: str, text: bytes, message: str) -> str:
        """A commit on top of ``tip`` that changes nothing but the file; nobody sees it before it is pushed."""
        self.require_an_author()
        mode = self._ask("ls-tree", tip, "--", self._git.file).split()[0].decode()
        blob = self._ask("hash-object", "-w", "--stdin", given=text).decode().strip()
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._ask("read-tree", tip, more=index)
            self._ask("update-index", "--cacheinfo", f"{mode},{blob},{self._git.file}", more=index)
            tree = self._ask("write-tree", more=index).decode().strip()
        signed = self._run("config", "--type=bool", "commit.gpgsign").stdout.strip() == b"true"
        made = self._ask("commit-tree", *(["-S"] if signed else []), "-p", tip, "-F", "-", tree, given=message.encode())
        return made.decode().strip()

    def push(self, commit: str) -> str:
        """Nothing, or why the remote did not take it."""
        done = self._run("push", "--quiet", self._git.remote, f"{commit}:refs/heads/{self._git.branch}")
        return _said(done) if done.returncode else ""

    def _ask(self, *arguments: str, given: bytes = b"", more: dict[str, str] | None = None) -> bytes:
        done = self._run(*arguments, given=given, more=more)
        if done.returncode:
            raise ChangeFailed(f"{self._folder}: git {arguments[0]} failed ({_said(done)}); nothing was changed")
        return done.stdout

    def _run(
        self, *arguments: str, given: bytes = b"", more: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """One command of git's, in a session of its own: it has no terminal to ask at, and ends with its helpers."""
        try:
            process = subprocess.Popen(
                ["git", "-C", str(self._folder), *arguments],
                env={**self._environment, **(more or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Unreachable("there is no command git; install it, or leave traffic.knob.git out") from None
        try:
            output, errors = process.communicate(given, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return subprocess.CompletedProcess(arguments, 124, b"", f"no answer within {LIMIT:g} s".encode())
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    said = done.stderr.decode(errors="replace").splitlines()
    # what the other end says is the reason, and comes first; git adds where and what to it
    ordered = [line for line in said if line.startswith("remote:")] + [x for x in said if not x.startswith("remote:")]
    return " ".join(" ".join(ordered).split())[:300] or f"exit code {done.returncode}"
