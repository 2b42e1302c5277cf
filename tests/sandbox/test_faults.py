from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters
from sandbox import faults
from sandbox.faults import CATALOGUE, read, switch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "faults.json"


@pytest.mark.parametrize(
    ("words", "on"),
    [
        (["errors=0.3", "side=kubernetes"], {"kubernetes": {"errors": 0.3}}),
        (["side=legacy", "latency=0.2", "errors=1"], {"legacy": {"latency": 0.2, "errors": 1.0}}),
        (["crash=true", "side=kubernetes"], {"kubernetes": {"crash": True}}),
        (["throttle=0.5"], {"kubernetes": {"throttle": 0.5}}),
        (["prometheus-down=TRUE"], {"range": {"prometheus_down": True}}),
        (["api_down=true", "side=range"], {"range": {"api_down": True}}),
    ],
)
def test_a_fault_is_switched_on_for_its_side(file: Path, words: list[str], on: dict[str, object]) -> None:
    switch(file, words)
    assert {side: ones for side, ones in json.loads(file.read_text()).items() if ones} == on


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["error=0.3", "side=legacy"], "There is no fault 'error': there are errors, latency"),
        (["errors=1.5", "side=legacy"], "errors takes a number from 0 to 1"),
        (["errors=-1", "side=legacy"], "errors takes a number from 0 to 1"),
        (["errors=nan", "side=legacy"], "errors takes a number from 0 to 1"),
        (["errors=much", "side=legacy"], "errors takes a number from 0 to 1"),
        (["crash=1", "side=legacy"], "crash takes true or false"),
        (["errors=0.3"], "errors needs a side: add side=legacy or side=kubernetes"),
        (["errors=0.3", "side=pods"], "side=pods is unknown: sides are legacy, kubernetes, range"),
        (["errors=0.3", "side=range"], "errors is no fault of side range"),
        (["api_down=true", "side=legacy"], "api_down is no fault of side legacy: use side=range"),
        (["throttle=0.5", "side=legacy"], "throttle is no fault of side legacy: use side=kubernetes"),
        (["errors"], "'errors' is not KEY=VALUE"),
        (["side=legacy"], "Which fault"),
        (["errors=0.3", "side=legacy", "side=kubernetes"], "side= is given twice"),
        (["off", "errrors"], "There is no fault 'errrors'"),
        (["off", "errors=0.3"], "name only the fault"),
        (["off", "side=moon"], "side=moon is unknown"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is_and_nothing_is_written(
    file: Path, words: list[str], sentence: str
) -> None:
    with pytest.raises(BadParameters, match=sentence):
        switch(file, words)
    assert not file.exists()


def test_one_refused_word_keeps_the_others_from_being_done(file: Path) -> None:
    with pytest.raises(BadParameters):
        switch(file, ["errors=0.3", "latency=-1", "side=legacy"])
    assert not file.exists()


@pytest.fixture
def several(file: Path) -> Path:
    switch(file, ["errors=0.3", "latency=1", "side=kubernetes"])
    switch(file, ["errors=0.2", "side=legacy"])
    switch(file, ["api_down=true"])
    return file


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["off"], {}),
        (["off", "side=kubernetes"], {"legacy": {"errors": 0.2}, "range": {"api_down": True}}),
        (["off", "errors"], {"kubernetes": {"latency": 1.0}, "range": {"api_down": True}}),
        (
            ["off", "errors", "side=kubernetes"],
            {"kubernetes": {"latency": 1.0}, "legacy": {"errors": 0.2}, "range": {"api_down": True}},
        ),
        (["errors=0", "side=legacy"], {"kubernetes": {"errors": 0.3, "latency": 1.0}, "range": {"api_down": True}}),
        (["api_down=false"], {"kubernetes": {"errors": 0.3, "latency": 1.0}, "legacy": {"errors": 0.2}}),
    ],
)
def test_faults_are_switched_off_as_named(several: Path, words: list[str], left: dict[str, object]) -> None:
    switch(several, words)
    assert {side: ones for side, ones in read(several).items() if ones} == left


def test_no_words_show_and_change_nothing(several: Path) -> None:
    before = several.stat().st_mtime_ns
    assert switch(several, [])["legacy"] == {"errors": 0.2}
    assert several.stat().st_mtime_ns == before


def test_no_file_is_no_fault(file: Path) -> None:
    assert read(file) == {"legacy": {}, "kubernetes": {}, "range": {}}


def test_every_number_that_is_allowed_is_told() -> None:
    numbers = [fault for fault in CATALOGUE.values() if fault.least is not None]
    assert all(f"{fault.most:g}" in fault.allowed for fault in numbers)
    assert all(faults.parse(fault, str(fault.most)) == fault.most for fault in numbers)
