"""GitOps: the commit that is made, who is in the way, and when a change is called live; git is real."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.act.traffic import git as repository
from runbook_lib.act.traffic import knob
from runbook_lib.act.traffic.routes import manifest
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, Unreachable
from tests.act.traffic.route_world import PATHS, World

Object = dict[str, Any]
FILE = "apps/orders/route.yaml"
ROUTE = """\
# The route of the orders; the runbook edits its weights.
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
    name: orders   # four spaces, on purpose
    annotations:
        owner: "shop"
spec:
    parentRefs:
    - name: shop
    rules:
    # everything
    - backendRefs:
      - {name: old, port: 80, weight: 100} # the machines
      - name: new
        port: 80
        weight: 0     # the Pods

    - matches:
        - path: {type: Exact, value: /health}
      backendRefs: [{name: old, port: 80}]
# the end
"""


@dataclass(frozen=True)
class Repository:
    """A bare remote, the clone that the parameters name, and a second clone of a colleague's."""

    folder: Path
    world: World

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    def git(self, *arguments: str, at: str = "clone", given: str | None = None) -> str:
        argv = ["git", "-C", str(self.folder / at), *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True, input=given).stdout.strip()

    def file(self) -> str:
        """What the platform follows: the file as the remote has it."""
        return self.git("show", f"main:{FILE}", at="remote.git") + "\n"

    def colleague(self, change: Callable[[str], str], file: str = FILE) -> None:
        """Somebody else pushes."""
        self.git("pull", "-q", "--rebase", "origin", "main", at="colleague")
        path = self.folder / "colleague" / file
        path.write_text(change(path.read_text() if path.exists() else ""))
        self.git("add", file, at="colleague")
        self.git("commit", "-q", "-m", "meanwhile", at="colleague")
        self.git("push", "-q", "origin", "main", at="colleague")

    def clients(self, patience: str = "20s", **testers: str) -> Clients:
        git = {"repository": str(self.clone), "file": FILE, "patience": patience}
        return self.world.clients("http-route", testers or None, legacy="old", kubernetes="new", git=git)


@pytest.fixture
def repo(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    for key, value in {"HOME": tmp_path, "GIT_CONFIG_NOSYSTEM": "1", "XDG_CONFIG_HOME": tmp_path}.items():
        monkeypatch.setenv(key, str(value))
    for key in [key for key in os.environ if key.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(key)
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = The Operator\n\temail = operator@shop.example\n")
    made = Repository(tmp_path, world)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", tmp_path / "remote.git"], check=True)
    subprocess.run(["git", "clone", "-q", tmp_path / "remote.git", made.clone], check=True, capture_output=True)
    (made.clone / FILE).parent.mkdir(parents=True)
    (made.clone / FILE).write_text(ROUTE)
    made.git("add", ".")
    made.git("commit", "-q", "-m", "the route")
    made.git("push", "-q", "origin", "HEAD:main")
    subprocess.run(["git", "clone", "-q", tmp_path / "remote.git", tmp_path / "colleague"], check=True)
    apply(made)
    yield made


def apply(repo: Repository) -> None:
    """What a platform that follows the repository does."""
    route = next(one for one in yaml.safe_load_all(repo.file()) if one["kind"] == "HTTPRoute")
    listed = repo.world.ask("GET", PATHS["HTTPRoute"].format(repo.world.namespace))["items"]
    if not listed:
        repo.world.create(route)
    else:
        repo.world.patch("HTTPRoute", {"spec": route["spec"]})


@pytest.fixture
def follower(repo: Repository) -> Iterator[None]:
    """Applies the repository to the cluster, again and again."""
    ended = threading.Event()

    def follow() -> None:
        seen = ""
        while not ended.wait(0.05):
            if (tip := repo.git("rev-parse", "main", at="remote.git")) != seen:
                apply(repo)
                seen = tip

    thread = threading.Thread(target=follow)
    thread.start()
    yield
    ended.set()
    thread.join()


# --- the whole way


@pytest.mark.usefixtures("follower")
def test_a_shift_is_one_commit_that_changes_two_numbers_and_is_live_at_the_end(repo: Repository) -> None:
    asked, head = repo.clients(), repo.git("rev-parse", "HEAD")
    change = knob.shift(asked, 10, expected=0)
    assert (change.before, change.after, change.done) == (0, 10, True)
    assert repo.file() == ROUTE.replace("weight: 100}", "weight: 90}").replace("weight: 0 ", "weight: 10 ")
    assert knob.read_weight(asked) == 10
    tip = repo.git("rev-parse", "main", at="remote.git")
    assert f"commit {tip[:12]} on main" in change.note and "live after" in change.note
    said = repo.git("log", "-1", "--format=%an <%ae>|%cn|%s", "main", at="remote.git")
    assert said == "The Operator <operator@shop.example>|The Operator|orders: send 10 % of the users to new"
    assert repo.git("status", "--porcelain") == ""  # the clone's own work tree is not touched
    assert repo.git("rev-parse", "HEAD") == head
    assert not knob.shift(asked, 10).done
    assert repo.git("rev-parse", "main", at="remote.git") == tip


@pytest.mark.usefixtures("follower")
def test_testers_and_the_way_back_go_through_the_repository_and_leave_no_trace_in_the_file(repo: Repository) -> None:
    asked = repo.clients(header="X-Tester")
    held = knob.read(asked).held
    assert knob.admit(asked, testers=True).done
    assert knob.read(asked).testers
    assert knob.shift(asked, 50).done
    assert knob.restore(asked, held).done
    assert repo.file() == ROUTE
    assert knob.read_weight(asked) == 0


def test_what_is_not_live_in_time_says_the_commit_and_what_stands(repo: Repository) -> None:
    with pytest.raises(ChangeFailed, match=r"commit \w{12} on main .* not live after 300ms: HTTPRoute .* says 0 %"):
        knob.shift(repo.clients("300ms"), 10)
    assert "weight: 10 " in repo.file()


def test_a_change_that_was_pushed_by_one_that_died_is_waited_for(repo: Repository) -> None:
    with pytest.raises(ChangeFailed):
        knob.shift(repo.clients("300ms"), 10)
    tip = repo.git("rev-parse", "main", at="remote.git")
    apply(repo)
    change = knob.shift(repo.clients(), 10)
    assert (change.after, repo.git("rev-parse", "main", at="remote.git")) == (10, tip)


def test_the_way_back_is_committed_while_the_api_is_away(repo: Repository, tmp_path: Path) -> None:
    repo.colleague(lambda text: text.replace("weight: 100}", "weight: 50}").replace("weight: 0 ", "weight: 50 "))
    away = tmp_path / "away"
    away.write_text(repo.world.kubeconfig.read_text().replace("http://127.0.0.1:", "http://127.0.0.2:1"[:-1]))
    asked = Repository(repo.folder, World(away, repo.world.namespace, None)).clients("300ms")
    with pytest.raises(Unreachable, match="nothing was changed"):
        knob.shift(asked, 60)
    with pytest.raises(ChangeFailed, match=r"is not live after 300ms: the cluster at .* does not answer"):
        knob.shift(asked, 0)
    assert repo.file() == ROUTE


def test_a_weight_that_somebody_pushed_meanwhile_stops_a_shift(repo: Repository) -> None:
    repo.colleague(lambda text: text.replace("weight: 100}", "weight: 70}").replace("weight: 0 ", "weight: 30 "))
    tip = repo.git("rev-parse", "main", at="remote.git")
    with pytest.raises(ChangeFailed, match="from 0 % to 30 %"):
        knob.shift(repo.clients(), 10, expected=0)
    assert repo.git("rev-parse", "main", at="remote.git") == tip


# --- the repository


def edit(repo: Repository, change: repository.Edit, urgent: bool = False) -> repository.Pushed:
    asked = repo.clients()
    git = asked.parameters.traffic.knob.git
    return repository.commit(git, asked, change, "a change\n", urgent)


def test_a_remote_that_moves_between_fetch_and_push_is_edited_anew(repo: Repository) -> None:
    turns: list[bytes] = []

    def change(content: bytes) -> bytes:
        turns.append(content)
        if len(turns) < 3:
            repo.colleague(lambda text: text + f"# {len(turns)}\n")
        return content + b"# ours\n"

    assert edit(repo, change).done
    assert repo.file() == ROUTE + "# 1\n# 2\n# ours\n"
    assert len(turns) == 3


def test_what_a_colleague_did_elsewhere_stays(repo: Repository) -> None:
    repo.colleague(lambda _: "theirs\n", file="other.txt")
    edit(repo, lambda content: content + b"# ours\n")
    assert repo.git("show", "main:other.txt", at="remote.git") == "theirs"


def test_a_remote_that_never_stands_still_is_named_in_the_end(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "ATTEMPTS", 2)

    def change(content: bytes) -> bytes:
        repo.colleague(lambda text: text + "# again\n")
        return content + b"# ours\n"

    with pytest.raises(ChangeFailed, match="refused 2 times and main stays as it is"):
        edit(repo, change)
    assert "# ours" not in repo.file()


def test_a_remote_that_refuses_says_why(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "ATTEMPTS", 2)
    hook = repo.folder / "remote.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho main is protected >&2; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ChangeFailed, match="main is protected"):
        edit(repo, lambda content: content + b"# ours\n")
    assert repo.file() == ROUTE


def test_a_push_whose_answer_was_lost_is_not_made_twice(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    real = repository._Clone.push

    def lost(self: Any, commit: str) -> str:
        assert real(self, commit) == ""
        return "the connection was lost"

    monkeypatch.setattr(repository._Clone, "push", lost)
    pushed = edit(repo, lambda content: content + b"# ours\n")
    assert pushed.done and pushed.before == ROUTE.encode()
    assert repo.file() == ROUTE + "# ours\n"
    assert repo.git("rev-parse", "main", at="remote.git") == pushed.commit


def test_a_file_that_somebody_is_editing_in_the_clone_is_left_alone_but_for_the_way_back(repo: Repository) -> None:
    (repo.clone / FILE).write_text(ROUTE + "# half done\n")
    with pytest.raises(BadParameters, match="has changes that are not committed"):
        edit(repo, lambda content: content + b"# ours\n")
    with pytest.raises(BadParameters, match="has changes that are not committed"):
        knob.preflight(repo.clients())
    edit(repo, lambda content: content + b"# ours\n", urgent=True)
    assert repo.file() == ROUTE + "# ours\n"
    assert (repo.clone / FILE).read_text() == ROUTE + "# half done\n"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda repo: repo.git("remote", "set-url", "origin", "/nowhere.git"), "cannot be fetched"),
        (lambda repo: repo.git("rm", "-q", FILE) and repo.git("commit", "-q", "-m", "gone") and None, "not a file"),
        (lambda repo: (repo.folder / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n"), "does not know who"),
        (lambda repo: (repo.clone / ".git").rename(repo.folder / "moved"), "is no clone of a repository"),
    ],
    ids=["remote", "file", "author", "clone"],
)
def test_what_is_missing_is_one_sentence_before_anything_is_done(
    repo: Repository, spoil: Callable[[Repository], object], said: str
) -> None:
    if said == "not a file":
        repo.git("rm", "-q", FILE, at="colleague")
        repo.git("commit", "-q", "-m", "gone", at="colleague")
        repo.git("push", "-q", "origin", "main", at="colleague")
        said = "is not in"
    else:
        spoil(repo)
    with pytest.raises((BadParameters, Unreachable), match=said):
        knob.preflight(repo.clients())


# --- the file


NAMED = manifest.Named("route.yaml", "gateway.networking.k8s.io", "HTTPRoute", "shop", "orders")


def edited(text: str, change: Callable[[Object], object]) -> str:
    return manifest.edited(text.encode(), NAMED, lambda found: change(found) and None).decode()


def test_a_rule_that_is_put_in_and_taken_out_leaves_every_byte() -> None:
    rule = {"matches": [{"headers": [{"name": "x", "value": "ü: 1"}]}], "backendRefs": [{"name": "new"}]}
    more = edited(ROUTE, lambda found: found["spec"]["rules"].insert(0, rule))
    assert more.index("matches:") < more.index("# everything")
    there = iter(more.splitlines())
    assert all(line in there for line in ROUTE.splitlines())
    assert edited(more, lambda found: found["spec"]["rules"].pop(0)) == ROUTE


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (lambda f: f["metadata"]["annotations"].update(owner='a "b"'), '"shop"', '"a \\"b\\""'),
        (lambda f: f["metadata"]["annotations"].update(more="5"), 'r: "shop"\n', "r: \"shop\"\n        more: '5'\n"),
        (lambda f: f["metadata"].pop("annotations"), '    annotations:\n        owner: "shop"\n', ""),
        (lambda f: f["metadata"].update(labels={"a": "b"}), '"shop"\n', '"shop"\n    labels:\n      a: b\n'),
        (lambda f: f["spec"]["rules"].append({"backendRefs": []}), "80}]\n", "80}]\n    - backendRefs: []\n"),
        (lambda f: f["spec"]["rules"][1]["backendRefs"][0].update(weight=3), "{name: old, port: 80}]",
         '{"name": "old", "port": 80, "weight": 3}]'),
    ],
)  # fmt: skip
def test_only_what_changes_is_written(change: Callable[[Object], object], old: str, new: str) -> None:
    assert edited(ROUTE, change) == ROUTE.replace(old, new)


def test_lines_that_end_in_the_other_way_stay_so() -> None:
    text = ROUTE.replace("\n", "\r\n")
    assert edited(text, lambda f: f["spec"]["rules"].insert(0, {"a": 1})).count("\n") == text.count("\r\n") + 1
    assert "\n" not in edited(text, lambda f: f["spec"]["rules"].insert(0, {"a": 1})).replace("\r\n", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ template }}", "is not plain YAML|holds 0 times"),
        ("a: [", "is not plain YAML"),
        (ROUTE.replace("name: orders", "name: others"), "holds 0 times a HTTPRoute shop/orders"),
        (f"{ROUTE}---\n{ROUTE}", "holds 2 times"),
        (
            ROUTE.replace("weight: 100", "weight: &w 100").replace("weight: 0 ", "weight: *w "),
            "cannot be edited in place",
        ),
    ],
)
def test_a_file_that_cannot_be_edited_safely_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadParameters, match=said):
        edited(text, lambda found: found["spec"]["rules"][0]["backendRefs"][1].update(weight=7))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 100), min_size=1, max_size=4), st.integers(0, 100), st.booleans())
def test_any_weights_can_be_written_and_written_back(weights: list[int], weight: int, flow: bool) -> None:
    refs = [{"name": f"s{number}", "weight": one} for number, one in enumerate(weights)]
    head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "orders"}}
    text = yaml.safe_dump(
        {**head, "spec": {"rules": [{"backendRefs": refs}]}}, default_flow_style=flow, sort_keys=False
    )

    def set_all(found: Object) -> None:
        for one in found["spec"]["rules"][0]["backendRefs"]:
            one["weight"] = weight

    def set_back(found: Object) -> None:
        found["spec"]["rules"][0]["backendRefs"] = refs

    assert edited(edited(text, set_all), set_back) == text
