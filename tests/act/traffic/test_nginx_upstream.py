"""Weights in an nginx upstream: the share is exact, all else in the file stays, and 0 is `down`."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.act.traffic.nginx import apply, upstream
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, ChangeFailed
from runbook_lib.parameters import load as parameters
from runbook_lib.sections.traffic import GitOps, NginxUpstream
from tests.act.traffic.real_load import load
from tests.act.traffic.real_nginx import nginx

NOBODY = connect(parameters(Path(__file__).parents[3] / "parameters" / "demo.yaml"))
"""Clients that nginx does not need."""

CONFIG = """\
# upstream orders { server 10.0.0.1:80; } as it was
http {
    upstream other { server 10.9.9.9:80 weight=7; ip_hash; }
    upstream orders {
        zone orders 64k;   # café }
        server 10.0.0.1:8080   max_fails=3 fail_timeout=5s;
        server 10.0.0.2:8080 weight=1 max_fails=3;  # the second } one
        server "10.1.0.1:80";
        server 10.1.0.2:80 slow_start=5s down;
        server 10.8.8.8:80 backup;
        keepalive 32;
    }
    server { location / { proxy_pass http://orders; } }
}
"""
LEGACY, NEW = ["10.0.0.1:8080", "10.0.0.2:8080"], ["10.1.0.1:80", "10.1.0.2:80"]
KNOB = NginxUpstream(
    kind="nginx-upstream",
    config="nginx.conf",
    upstream="orders",
    legacy=LEGACY,
    kubernetes=NEW,
    test=["true"],
    reload=["true"],
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(apply, "workers", dict)
    path = tmp_path / "nginx.conf"
    path.write_text(CONFIG)
    return path


def upstream_of(*servers: str, more: str = "") -> str:
    return f"upstream orders {{ {more}{' '.join(f'server {server};' for server in servers)} }}"


ONE = KNOB.model_copy(update={"legacy": ["a:1"], "kubernetes": ["b:1"]})


@pytest.mark.parametrize(
    ("servers", "weight"),
    [
        (["a:1", "b:1 down"], 0),
        (["a:1 down", "b:1"], 100),
        (["a:1", "b:1"], 50),
        (["a:1 weight=19", "b:1"], 5),
        (["a:1 weight=38 max_fails=1", "b:1 weight=2"], 5),
        (["a:1 weight=2", "b:1"], "33.33 % stands"),
        (["a:1 down", "b:1 down"], "nobody anywhere stands"),
        (["a:1"], "has the server b:1 0 times"),
        (["a:1", "b:1", "b:1"], "has the server b:1 2 times"),
        (["a:1", "b:1 backup"], "b:1 only stands in for others"),
        (["a:1", "b:1", "c:1"], "c:1 takes users but belongs to no side"),
        (["a:1", "b:1", "c:1 down", "d:1 backup"], 50),
        (["a:1", "b:1 weight=x"], "weight=x is no weight"),
        (["b:1"], "has none of a:1"),
        ([], "has none of a:1"),
    ],
)
def test_the_weight_is_read_or_refused_but_never_guessed(config: Path, servers: list[str], weight: int | str) -> None:
    config.write_text(upstream_of(*servers))
    if isinstance(weight, int):
        assert upstream.read(ONE, NOBODY).weight == weight
        return
    with pytest.raises(BadParameters, match=weight):
        upstream.read(ONE, NOBODY)


@pytest.mark.parametrize("method", ["ip_hash", "hash $remote_addr", "least_conn", "random two", "sticky cookie side"])
def test_what_breaks_the_ratio_is_refused_in_one_sentence_but_not_the_way_back(config: Path, method: str) -> None:
    config.write_text(upstream_of("a:1", "b:1", more=f"{method}; zone a 1m; "))
    for ask in (lambda: upstream.read(ONE, NOBODY), lambda: upstream.shift(ONE, NOBODY, 5)):
        with pytest.raises(BadParameters, match=f"says `{method.split()[0]}`"):
            ask()
    assert upstream.shift(ONE, NOBODY, 0).done
    assert upstream.read(ONE, NOBODY).weight == 0


def test_only_the_weights_change_and_a_server_that_is_down_stays_down(config: Path) -> None:
    change = upstream.shift(KNOB, NOBODY, 10)
    assert (change.before, change.after) == ("33.33 %", 10)
    assert config.read_text() == CONFIG.replace(
        "10.0.0.1:8080   max_fails", "10.0.0.1:8080 weight=9   max_fails"
    ).replace("10.0.0.2:8080 weight=1", "10.0.0.2:8080 weight=9").replace('"10.1.0.1:80"', '"10.1.0.1:80" weight=2')


def test_nobody_on_a_side_is_down_and_back_is_up_again(config: Path) -> None:
    upstream.shift(KNOB, NOBODY, 0)
    assert config.read_text() == CONFIG.replace('"10.1.0.1:80";', '"10.1.0.1:80" down;')
    upstream.shift(KNOB, NOBODY, 100)
    text = config.read_text()
    assert 'server "10.1.0.1:80";' in text
    assert "server 10.1.0.2:80 slow_start=5s;" in text
    assert "max_fails=3 fail_timeout=5s down;" in text
    assert upstream.read(KNOB, NOBODY).weight == 100
    upstream.shift(KNOB, NOBODY, 0)
    assert upstream.read(KNOB, NOBODY).weight == 0


def test_servers_of_a_side_keep_what_they_weigh_against_each_other(config: Path) -> None:
    knob = KNOB.model_copy(update={"legacy": ["a:1", "a:2"], "kubernetes": ["b:1"]})
    config.write_text(upstream_of("a:1 weight=4", "a:2 weight=2", "b:1 down"))
    for weight in (1, 30, 70, 5, 0, 100, 30):
        upstream.shift(knob, NOBODY, weight)
        assert upstream.read(knob, NOBODY).weight == weight
    assert config.read_text() == upstream_of("a:1 weight=14", "a:2 weight=7", "b:1 weight=9")


PIECES = st.lists(
    st.sampled_from(["# }{\n", "log_format a '}{ upstream orders {';\n", "\n", "\t", "zone x 1m;\n"]), max_size=4
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=PIECES, inside=PIECES, weights=st.lists(st.integers(0, 100), min_size=1, max_size=5), n=st.integers(1, 4))
def test_whatever_stands_around_is_kept_and_what_stood_comes_back_byte_for_byte(
    config: Path, head: list[str], inside: list[str], weights: list[int], n: int
) -> None:
    old, new = [f"10.0.0.{i}:80" for i in range(n)], [f"10.1.0.{i}:80" for i in range(3)]
    block = upstream_of(*(f"{s} max_fails=2" for s in old), *(f"{s} down" for s in new), more="".join(inside) + "\n")
    before = "".join(head) + block + "".join(head)
    config.write_text(before)
    text, knob = before.encode(), KNOB.model_copy(update={"legacy": old, "kubernetes": new})
    held = upstream.read(knob, NOBODY).held
    for weight in weights:
        text = upstream.rewritten(knob, weight, text)
        config.write_bytes(text)
        assert upstream.read(knob, NOBODY).weight == weight
    assert text.startswith("".join(head).encode())
    assert text.endswith("".join(head).encode())
    upstream.restore(knob, NOBODY, held)
    assert config.read_text() == before


def test_what_was_not_expected_is_left_alone_except_on_the_way_back(config: Path) -> None:
    config.write_text(upstream_of("a:1", "b:1"))
    with pytest.raises(ChangeFailed, match="somebody else moved the users from 5 % to 50 % since it was read"):
        upstream.shift(ONE, NOBODY, 10, expected=5)
    assert config.read_text() == upstream_of("a:1", "b:1")
    assert upstream.shift(ONE, NOBODY, 10, expected=50).done
    assert upstream.shift(ONE, NOBODY, 0, expected=50).done


def test_the_way_back_does_not_need_all_servers_to_be_there(config: Path) -> None:
    config.write_text(upstream_of("a:1 weight=3", "b:1"))
    knob = ONE.model_copy(update={"kubernetes": ["b:1", "b:2"]})
    with pytest.raises(BadParameters, match="b:2 0 times"):
        upstream.shift(knob, NOBODY, 5)
    assert upstream.shift(knob, NOBODY, 0).after == 0
    assert config.read_text() == upstream_of("a:1 weight=3", "b:1 down")


@pytest.mark.parametrize("text", ["events {}", upstream_of("a:1", "b:1") * 2, "http {"])
def test_without_exactly_one_block_nothing_is_written(config: Path, text: str) -> None:
    config.write_text(text)
    for weight in (0, 10):
        with pytest.raises(BadParameters):
            upstream.shift(ONE, NOBODY, weight)
    assert config.read_text() == text


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(config: Path) -> Iterator[NginxUpstream]:
    """The configuration comes from a repository; what follows it here takes a moment."""
    config.write_text(upstream_of("a:1 weight=19", "b:1"))
    remote, clone = config.parent / "remote.git", config.parent / "clone"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)
    subprocess.run(["git", "clone", "-q", str(remote), str(clone)], check=True, capture_output=True)
    for key, value in (("user.name", "oscar"), ("user.email", "oscar@example.org")):
        git(clone, "config", key, value)
    (clone / "front.conf").write_text(config.read_text())
    git(clone, "add", "front.conf")
    git(clone, "commit", "-q", "-m", "as it is")
    git(clone, "push", "-q", "origin", "HEAD:main")
    over = threading.Event()

    def follow() -> None:
        while not over.wait(0.1):
            config.with_suffix(".new").write_text(git(remote, "show", "main:front.conf"))
            config.with_suffix(".new").replace(config)

    follower = threading.Thread(target=follow)
    follower.start()
    yield ONE.model_copy(update={"git": GitOps(repository=str(clone), file="front.conf"), "reload": ["false"]})
    over.set()
    follower.join()


def test_by_a_commit_the_platform_takes_it_to_nginx(repository: NginxUpstream, config: Path) -> None:
    upstream.preflight(repository, NOBODY)
    stood = upstream.read(repository, NOBODY)
    change = upstream.shift(repository, NOBODY, 50, expected=5)
    assert (change.before, change.after, change.done) == (5, 50, True)
    remote = config.parent / "remote.git"
    assert git(remote, "log", "-1", "--format=%s", "main") == "front.conf: traffic weight 5 % -> 50 %"
    assert upstream.read(repository, NOBODY).weight == 50
    assert not upstream.shift(repository, NOBODY, 50).done
    with pytest.raises(ChangeFailed, match="somebody else moved the users from 5 % to 50 %"):
        upstream.shift(repository, NOBODY, 30, expected=5)
    assert upstream.shift(repository, NOBODY, 0).after == 0
    assert upstream.restore(repository, NOBODY, stood.held).after == 5
    assert git(remote, "rev-list", "--count", "main") == "4"


BLOCK = """\
    upstream orders {
        zone orders 64k;
        server OLD max_fails=2;
        server NEW down;
        server SECOND down;
        keepalive 16;
    }
"""


def test_a_real_nginx_under_load_sends_exactly_the_share(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(config.parent)
    with nginx(config.parent, BLOCK, "orders") as real:
        knob = KNOB.model_copy(
            update={
                "config": str(real.config),
                "legacy": [real.old],
                "kubernetes": [real.new, real.second],
                "test": [real.command, "-t"],
                "reload": [real.command, "-s", "reload"],
            }
        )
        upstream.preflight(knob, NOBODY)
        stood, before = upstream.read(knob, NOBODY), real.config.read_bytes()
        with load(real.url, users=4) as users:
            for weight in (5, 50, 100, 30, 0):
                assert upstream.shift(knob, NOBODY, weight).done
                seen = users.sides(400)
                # one worker's round robin is exact: only the edges of the period may differ
                assert abs(seen["kubernetes"] - seen.total() * weight / 100) <= 4
                assert len(seen) == (2 if 0 < weight < 100 else 1)
            upstream.restore(knob, NOBODY, stood.held)
            users.sides(20)
        assert real.config.read_bytes() == before
        # a kept connection may be closed by a reload just as its next request comes: at most one each, each time
        assert len(users.failed) <= 4 * 6
        assert all("Remote" in failure or "Connection" in failure for failure in users.failed)
