"""The small world of a guard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fake_prometheus
import pytest
import yaml
from throwaway import make_project

from tests.guard import world as small
from tests.guard.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A project with an API, a Prometheus and an nginx of its own; nobody is on the new side."""
    monkeypatch.chdir(make_project(tmp_path / "project"))
    values = yaml.safe_load(Path("parameters/demo.yaml").read_text())
    values["records"] = str(tmp_path / "records")
    values["kubernetes"]["kubeconfig"] = "kubeconfig"
    values["traffic"]["knob"] |= {"config": "nginx.conf", "test": ["true"], "reload": ["true"]}
    values["traffic"]["split_patience"] = "1s"
    values["watch"] |= {"tick": "200ms", "blind": "10s"}
    folder = tmp_path / "api"
    folder.mkdir()
    with fake_prometheus.serving() as prometheus, small.api(folder) as url:
        values["prometheus"]["url"] = prometheus.url
        Path("kubeconfig").write_text(small.kubeconfig(url))
        made = World(values, prometheus, folder)
        small.make_namespace(made)
        made.users_at(0)
        made.requests()
        yield made
        for guard in made.guards:
            guard.end()
