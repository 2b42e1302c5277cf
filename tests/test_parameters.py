"""Bad parameters are one sentence that names the file, the key, what was found, and what is allowed."""

from __future__ import annotations

import copy
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.fields import read_duration, write_duration
from runbook_lib.parameters import Parameters, check, from_cell, load, load_any, project_root, read_yaml, schema
from runbook_lib.runner.passage import steps
from runbook_lib.sections.traffic import Knob

REPOSITORY = Path(__file__).parents[1]
DEMO = REPOSITORY / "parameters" / "demo.yaml"
FLEET = REPOSITORY / "parameters" / "fleet.example.yaml"
FILES = ["demo.yaml", "order-service.example.yaml"]


@pytest.fixture
def demo() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(DEMO.read_text())
    return data


def put(data: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """A copy of the parameters with another value at ``a.b.0.c``."""
    data = copy.deepcopy(data)
    *path, last = key.split(".")
    place: Any = data
    for part in path:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[int(last) if isinstance(place, list) else last] = value
    return data


@pytest.mark.parametrize("name", FILES)
def test_the_committed_parameters_are_valid(name: str) -> None:
    assert load(REPOSITORY / "parameters" / name).stages[-1].weight == 100


@pytest.mark.parametrize("name", [*FILES, "fleet.example.yaml"])
def test_the_committed_parameters_fit_the_schema_that_editors_read(name: str) -> None:
    values = yaml.safe_load((REPOSITORY / "parameters" / name).read_text())
    jsonschema.validate(json.loads(json.dumps(values, default=str)), schema())  # an editor reads a day as its text


def test_the_schema_file_is_current() -> None:
    committed = json.loads((REPOSITORY / "parameters" / "schema.json").read_text())
    assert committed == schema(), "run: python -m runbook_lib.parameters > parameters/schema.json"


def test_the_annotated_example_names_and_explains_every_key() -> None:
    text = (REPOSITORY / "parameters" / "order-service.example.yaml").read_text()
    given_keys = yaml.safe_load(text)
    missing = [
        f"{section}.{key}"
        for section, field in Parameters.model_fields.items()
        for key in getattr(field.annotation, "model_fields", {})
        if key not in given_keys.get(section, {}) and f"{key}:" not in text
    ]
    assert set(Parameters.model_fields) - set(given_keys) == set()
    assert missing == []


@pytest.mark.parametrize(
    ("cadence", "weights"),
    [
        ("standard", [5, 10, 20, 50, 100]),
        ("conservative", [1, 5, 10, 30, 50, 100]),
        ("core", [1, 5, 10, 25, 50, 75, 100]),
        ("internal", [10, 50, 100]),
    ],
)
def test_a_cadence_gives_the_stages_where_none_are_written(
    demo: dict[str, Any], cadence: str, weights: list[int]
) -> None:
    del demo["stages"]
    demo["gates"]["ask"] = []
    p = check({**demo, "cadence": cadence}, "the parameters")
    assert [stage.weight for stage in p.stages] == weights
    assert check(p.model_dump(mode="json"), "what was recorded of them") == p


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("stages.0.weight", 101, "stages.0.weight: Input should be less than or equal to 100, found 101"),
        ("stages.0.weight", -1, "greater than or equal to 0, found -1"),
        ("stages.0.weight", 0, "weights must rise from at least 1"),
        ("stages.0.weight", "1", "stages.0.weight: Input should be a valid integer, found '1'"),
        ("stages.0.weight", 1.0, "valid integer"),
        ("stages.0.weight", True, "valid integer"),
        ("stages.0.weight", 5, "weights must rise from at least 1, each once; found [5, 5,"),
        ("stages.5.weight", 99, "the last weight must be 100, found 99"),
        ("stages", [], "stages: none are given; write them, or name a cadence: standard"),
        ("stages.0.weight", 6, "stages: weights must rise"),
        (
            "stages",
            [{"weight": 10, "observe": "1h"}, {"weight": 100, "observe": "1h"}],
            "the first weight is at most 5",
        ),
        ("cadence", "hasty", "cadence: Input should be 'standard', 'conservative', 'core' or 'internal'"),
        ("calendar", {"time_zone": "Mars/Olympus"}, "calendar.time_zone: 'Mars/Olympus' is no time zone"),
        ("calendar", {"peak": ["9-11"]}, "calendar.peak.0: '9-11' is no window"),
        (
            "calendar",
            {"freeze": [{"since": "2026-11-10T00:00", "until": "2026-11-12T00:00Z", "reason": "sale"}]},
            "no offset",
        ),
        (
            "calendar",
            {"freeze": [{"since": "2026-11-12T00:00Z", "until": "2026-11-10T00:00Z", "reason": "sale"}]},
            "a freeze must end after it begins",
        ),
        ("traffic.knob.kind", "magic", "traffic.knob.kind: there is no such kind; there are 'nginx-split'"),
        ("stages.0.observe", 10, "10 is not a duration; write a number and a unit"),
        ("stages.0.observe", "10", "'10' is not a duration"),
        ("stages.0.observe", "0s", "stages.0.observe: must be longer than nothing, found '0s'"),
        ("watch.tick", "0s", "watch.tick: must be longer than nothing"),
        ("metrics.scrape", "0ms", "metrics.scrape: must be longer than nothing"),
        ("stages.0.rule_out", 1, "stages.0.rule_out: Input should be less than 1, found 1"),
        ("thresholds.error_rate", "1%", "thresholds.error_rate: Input should be a valid number, found '1%'"),
        ("thresholds.eror_rate", 0.1, "thresholds.eror_rate: this key is not known"),
        ("retention_days", 14, "retention_days: this key is not known"),
        ("application.name", "Order Service", "application.name: String should match pattern"),
        ("dry_run", "yes", "dry_run: Input should be a valid boolean, found 'yes'"),
        ("gates.ask", ["gray_stage:7"], "gates.ask: 'gray_stage:7' is no step that can wait; allowed: decommission"),
        ("gates.people", {"decommission": 9}, "gates.people.decommission: Input should be less than or equal to 5"),
        ("kubernetes.smoke.0.method", "FETCH", "kubernetes.smoke.0.method: Input should be 'GET', 'HEAD'"),
        ("prometheus", None, "prometheus: this key is missing"),
        ("prometheus", 3, "prometheus: Input should be a valid dictionary"),
        ("traffic.knob.reload", "nginx -s reload", "traffic.knob.reload: Input should be a valid list"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_found_and_what_is_allowed(
    demo: dict[str, Any], key: str, value: object, says: str
) -> None:
    with pytest.raises(BadParameters) as refused:
        check(put(demo, key, value), "app.yaml")
    assert str(refused.value).startswith("app.yaml: ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("section", [k for k, f in Parameters.model_fields.items() if f.is_required()])
def test_a_missing_key_is_named(demo: dict[str, Any], section: str) -> None:
    del demo[section]
    with pytest.raises(BadParameters, match=f"^app.yaml: {section}: this key is missing$"):
        check(demo, "app.yaml")


def test_of_many_faults_the_first_is_told_and_the_others_are_named() -> None:
    with pytest.raises(BadParameters, match=r"this key is missing \(and \d+ more: assessment; gates"):
        check({}, "app.yaml")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prometheus.token", "hunter2"),
        ("prometheus.token", "env:"),
        ("prometheus.token", "env:MY TOKEN hunter2"),
        ("prometheus.token", "secret:hunter2"),
        ("prometheus.token", "token:hunter2"),
        ("prometheus.url", "http://me:hunter2@prometheus:9090"),
        ("business.database", "postgresql://me:hunter2@db/shop"),
        ("business.database", "postgresql://db/shop?user=me&password=hunter2"),
    ],
)
def test_a_secret_is_taken_by_reference_only_and_never_repeated(demo: dict[str, Any], key: str, value: str) -> None:
    with pytest.raises(BadParameters, match="env:NAME, file:PATH or secret:namespace/name#key") as refused:
        check(put(demo, key, value), "app.yaml")
    assert "hunter2" not in str(refused.value)
    assert key in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prometheus.token", "env:PROMETHEUS_TOKEN"),
        ("prometheus.token", "file:/run/secrets/token"),
        ("prometheus.token", "secret:monitoring/prometheus#token"),
        ("business.database", "env:DATABASE_URL"),
        ("business.database", "postgresql://reader@db/shop"),
        ("business.database", "sqlite:///orders.db"),
    ],
)
def test_references_and_addresses_without_a_password_are_taken(demo: dict[str, Any], key: str, value: str) -> None:
    check(put(demo, key, value), "app.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "there is no parameters file"),
        ("a: b: c", "is not YAML"),
        ("a: [1", "is not YAML"),
        ("watch: {tick: 1s}\nwatch: {tick: 2s}", "key 'watch' is given twice"),
        ("watch: {tick: 1s, tick: 2s}", "key 'tick' is given twice"),
        ("application: {{ name }}", "cannot be a key"),
        ("? [a, b]\n: c", "cannot be a key"),
        ("started: 2026-13-45", "is not YAML: 2026-13-45 is no day: month must be in 1..12 (line 1, column 10)"),
        (
            "a: 1\nwaves:\n  begin: 2026-02-30",
            "2026-02-30 is no day: day is out of range for month (line 3",
        ),
        ("!!python/object:os.system {}", "is not YAML"),
        ("", "must hold keys and values, found NoneType"),
        ("- a", "must hold keys and values, found list"),
        ("just text", "must hold keys and values, found str"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"a: \x00", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, text: str | bytes | None, says: str) -> None:
    path = tmp_path / "app.yaml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadParameters) as refused:
        load(path)
    assert says in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_is_no_parameters_file(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="cannot be read"):
        load(tmp_path)


def test_anchors_and_merges_are_plain_yaml(tmp_path: Path) -> None:
    text = DEMO.read_text() + "\n"
    text = text.replace("- {weight: 1,", "- &first {weight: 1,").replace("- {weight: 5,", "- {<<: *first, weight: 5,")
    path = tmp_path / "app.yaml"
    path.write_text(text)
    assert load(path) == load(DEMO)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.sampled_from("ab:{}[]-?&*!|>'\"#%@`, \n\t0123."), max_size=30))
def test_whatever_a_file_holds_it_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(text)
    with pytest.raises(BadParameters, match=r"app\.yaml"):
        load(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(Parameters.model_fields)), JSON)
def test_any_value_in_the_place_of_a_section_is_taken_or_refused_by_name(key: str, value: object) -> None:
    data = {**yaml.safe_load(DEMO.read_text()), key: value}
    try:
        assert isinstance(check(data, "app.yaml"), Parameters)
    except BadParameters as refused:
        assert key in str(refused)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300ms", 0.3),
        ("1s", 1),
        ("1.5s", 1.5),
        ("2m", 120),
        ("2min", 120),
        ("24h", 86400),
        ("7d", 604800),
        ("2w", 1209600),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "s", "1", "-1s", "1 s", "1y", "1S", "1e3s", "1,5s", "١s", "inf", 3, None, 9.9])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        read_duration(value)


def test_a_duration_longer_than_time_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a duration can be"):
        read_duration("9" * 400 + "w")


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1000)))
def test_a_duration_written_and_read_is_the_same(value: timedelta) -> None:
    assert abs(read_duration(write_duration(value)) - value) <= timedelta(microseconds=1)
    whole = timedelta(seconds=value.days)
    assert read_duration(write_duration(whole)) == whole


def test_parameters_survive_being_written_down(demo: dict[str, Any]) -> None:
    parameters = check(demo, "app.yaml")
    assert check(json.loads(parameters.model_dump_json()), "again") == parameters


def test_a_cell_of_nothing_is_the_practice_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY / "notebooks")
    assert from_cell(dict.fromkeys(Parameters.model_fields)) == load(DEMO)


def test_a_cell_is_as_strict_as_a_file(demo: dict[str, Any]) -> None:
    assert from_cell({**demo, "weight": 5, "attempt": None}) == load(DEMO)
    with pytest.raises(BadParameters, match=r"^the parameters cell \(.*\): watch\.tock: this key is not known"):
        from_cell(put(demo, "watch.tock", "1s"))


def test_only_a_planned_weight_has_a_stage() -> None:
    parameters = load(DEMO)
    assert parameters.stage(30).weight == 30
    with pytest.raises(BadParameters, match="weight 31 is not a planned stage; planned are 1, 5, 10, 30, 50, 100"):
        parameters.stage(31)


def test_the_project_is_found_from_below_and_missed_by_name(tmp_path: Path) -> None:
    assert project_root(REPOSITORY / "runbook_lib" / "judge") == REPOSITORY
    with pytest.raises(BadParameters, match="change into the project first"):
        project_root(tmp_path)


def test_there_is_a_valid_example_of_each_kind_of_knob(demo: dict[str, Any]) -> None:
    examples = yaml.safe_load((REPOSITORY / "parameters" / "knobs" / "examples.yaml").read_text())
    kinds = {model.model_fields["kind"].annotation.__args__[0] for model in get_args(get_args(Knob)[0])}
    assert set(examples) == kinds
    for kind, knob in examples.items():
        assert check(put(demo, "traffic.knob", knob), "the parameters").traffic.knob.kind == kind


def test_settings_whose_names_speak_of_secrets_may_be_named_in_the_parameters(demo: dict[str, Any]) -> None:
    names = [{"old": "DB_PASSWORD", "new": "/run/secrets/token"}]
    files = [{"path": "/run/secrets/password", "format": "properties"}]
    data = put(demo, "kubernetes.settings", {"names": names, "files": files})
    assert check(data, "app.yaml").kubernetes.settings.rules.names == {"DB_PASSWORD": "/run/secrets/token"}


def test_the_example_of_a_fleet_needs_no_section_of_one_application_and_is_the_same_when_read_again() -> None:
    fleet = load_any(FLEET)
    assert fleet.of_fleet and fleet.prometheus is None
    assert check(json.loads(json.dumps(fleet.model_dump(mode="json"))), "again") == fleet
    assert [step.phase for step in steps(fleet)] == ["assessment"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scope": "application"}, "profile: missing; only the assessment of a fleet"),
        ({"cmdb": {"file": "x.csv", "columns": {"owner": "Team"}}}, "one must be the application's name"),
        (
            {"cmdb": {"file": "x.csv", "columns": {"application": "A", "onwer": "Team"}}},
            "'onwer' is no key of a profile",
        ),
        (
            {"cmdb": {"file": "x.csv", "columns": {"application": "A", "operations.instnces": "Hosts"}}},
            "'operations.instnces' is no key of a profile; operations has instances, environments, physical_hosts",
        ),
        ({"waves": {"begin": "soon"}}, "'soon' is no day; write it like 2026-12-31"),
        ({"waves": {"blackouts": [{"since": "2027-02-18", "until": "2027-02-03", "reason": "x"}]}}, "is before since"),
    ],
)
def test_a_fleet_that_is_not_usable_is_refused_in_one_sentence(change: dict[str, Any], says: str) -> None:
    values = read_yaml(FLEET)
    if "scope" in change:
        values["assessment"].pop("profile")
    values["assessment"] |= change
    with pytest.raises(BadParameters, match=re.escape(says)):
        check(values, "fleet.yaml")


def test_an_application_that_lacks_sections_is_told_all_of_them() -> None:
    values = read_yaml(DEMO)
    del values["kubernetes"], values["legacy"]
    with pytest.raises(BadParameters, match=r"kubernetes: this key is missing \(and 1 more: legacy\)"):
        check(values, "demo.yaml")
