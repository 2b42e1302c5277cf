"""06: the way back works when nearly everything else is gone."""

from __future__ import annotations

import pytest

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from tests.notebooks.conftest import Play, World

NOTEBOOK = "06_rollback.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.timeout(400)]


def test_a_rollback_brings_everybody_back_and_sees_it_in_the_requests(world: World, play: Play) -> None:
    world.users_at(30)
    played = play(NOTEBOOK, reason="test")
    assert (played.error, played.outcome) == ("", "passed")
    assert "30 % -> 0 %, seen in the requests" in played.attempt.facts["message"]
    assert read_weight(connect(world.parameters)) == 0


def test_a_rollback_needs_neither_prometheus_nor_the_cluster(world: World, play: Play) -> None:
    world.users_at(30)
    world.fault("prometheus_down=true", "side=range")
    world.fault("api_down=true", "side=range")
    traffic = {**world.values["traffic"], "split_patience": "2s"}
    played = play(NOTEBOOK, {"traffic": traffic})
    assert (played.error, played.outcome) == ("", "passed")
    assert "not confirmed" in played.attempt.facts["message"]
    assert read_weight(connect(world.parameters)) == 0


def test_a_drill_brings_the_users_back_and_forward_again(world: World, play: Play) -> None:
    world.users_at(10)
    played = play(NOTEBOOK, mode="drill")
    assert (played.error, played.outcome) == ("", "passed")
    assert read_weight(connect(world.parameters)) == 10


def test_where_nginx_refuses_the_record_says_where_the_users_are(world: World, play: Play) -> None:
    world.users_at(30)
    world.fault("reload_refused=true", "side=range")
    played = play(NOTEBOOK)
    assert played.error == "ChangeFailed"
    assert "says 0 % and stays so, but nginx may still run 30 %" in played.message


def test_an_unknown_mode_is_refused(play: Play, world: World) -> None:
    with pytest.raises(IndexError):  # refused before there is anything to file
        play(NOTEBOOK, mode="undo")
