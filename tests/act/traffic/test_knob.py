"""Whatever the knob is: what every one of them is asked in the same words."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from runbook_lib.act.traffic import knob
from runbook_lib.act.traffic.nginx import split as nginx_split
from runbook_lib.clients import Clients, connect
from runbook_lib.errors import BadParameters, ChangeFailed
from runbook_lib.model import Change
from runbook_lib.parameters import check, load
from runbook_lib.sections.traffic import TELLS_TESTERS

ROOM = "runbook_lib.act.traffic"
DEMO = load(Path(__file__).parents[3] / "parameters" / "demo.yaml")


@pytest.mark.parametrize("weight", [-1, 101])
def test_a_weight_that_is_no_percentage_is_refused(weight: int) -> None:
    with pytest.raises(BadParameters, match="allowed are 0 to 100"):
        knob.shift(connect(DEMO), weight)


def test_testers_that_nobody_described_cannot_be_admitted() -> None:
    with pytest.raises(BadParameters, match=r"traffic\.testers is missing"):
        knob.admit(connect(DEMO), testers=True)


SPLIT = """events {}
http {
    split_clients $request_id $order_service_side { %s }
}
"""


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clients:
    """A knob whose testers are known: nginx as a file, in a project of its own."""
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nginx.conf").write_text(SPLIT % "* legacy;")
    nginx = {"kind": "nginx-split", "config": "nginx.conf", "variable": "$order_service_side"}
    values = DEMO.model_dump(mode="json")
    values["traffic"] |= {"knob": {**nginx, "test": ["true"], "reload": ["true"]}, "testers": {"header": "X-Canary"}}
    return connect(check(values, "a test"))


def test_whoever_brings_the_users_back_brings_the_testers_back_too(clients: Clients) -> None:
    assert knob.admit(clients, testers=True).done
    assert knob.shift(clients, 5).note == ""
    assert knob.read(clients).testers
    change = knob.shift(clients, 0)
    assert (change.before, change.after) == (5, 0)
    assert change.note == "testers are not sent to the new side any more"
    assert "map" not in Path("nginx.conf").read_text()
    assert "testers" not in knob.shift(clients, 0).note


def test_testers_that_cannot_be_brought_back_are_told_and_the_users_are_back_all_the_same(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Change:
        raise ChangeFailed("nginx reload failed")

    knob.shift(clients, 5)
    monkeypatch.setattr(nginx_split, "admit", refuse)
    change = knob.shift(clients, 0)
    assert change.after == 0
    assert change.note == "testers are still sent to the new side: nginx reload failed"


def test_a_knob_that_cannot_tell_testers_apart_is_refused_with_the_parameters() -> None:
    values = DEMO.model_dump(mode="json")
    servers = {"backend": "orders", "legacy": ["vm-1"], "kubernetes": ["new"]}
    values["traffic"] |= {
        "knob": {"kind": "haproxy", "socket": "/run/haproxy.sock", **servers},
        "testers": {"cookie": "canary"},
    }
    with pytest.raises(BadParameters, match="a knob of the kind haproxy cannot tell testers apart"):
        check(values, "a test")


def test_the_parameters_know_which_knobs_can_tell_testers_apart() -> None:
    able = {kind for kind, module in knob._MODULES.items() if hasattr(import_module(f"{ROOM}.{module}"), "admit")}
    assert able == TELLS_TESTERS
