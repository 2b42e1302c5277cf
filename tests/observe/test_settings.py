"""Settings read from texts, from a Pod and from machines; no value of a Secret is in what comes back."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import ApiClient, Configuration

from runbook_lib.errors import BadParameters
from runbook_lib.judge.equality import compare
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.reach import Reply, Sender, Target
from runbook_lib.observe.settings import Sides, both_sides
from runbook_lib.observe.settings.formats import flat
from runbook_lib.sections import Format, Legacy, Request, Settings

PASSWORD = "correct-horse"


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("environment", "# a comment\n\nA=1\nB = 2", None),
        ("environment", "A=1\nexport B=\"two words\"\nC='$x'\nD=a b\nE=", {"A": "1", "B": "two words", "C": "$x",
                                                                          "D": "a b", "E": ""}),
        ("environment", 'A="say \\"hi\\" for \\$5"\nB=one\\\n two', {"A": 'say "hi" for $5', "B": "one two"}),
        ("environment", "A=1\0B=two\nlines\0", {"A": "1", "B": "two\nlines"}),
        ("environment", "A=1\nno assignment", None),
        ("properties", "a=1\nb: 2\nc 3\n! no\n# no\nd=x\\\n  y\ne\\:f=\\u00e9\ng", {"a": "1", "b": "2", "c": "3",
                                                                                  "d": "xy", "e:f": "é", "g": ""}),
        ("yaml", "server: {port: 8080, on: true}\nhosts: [a, {b: 1}]\nnone:\n---\nserver: {port: 9}",
         {"server.port": "9", "server.True": "true", "hosts[0]": "a", "hosts[1].b": "1", "none": ""}),
        ("yaml", "a: [", None),
        ("yaml", "- a", None),
        ("json", '{"a": {"b": 1.5, "c": null}, "d": []}', {"a.b": "1.5", "a.c": "", "d": ""}),
        ("json", "{", None),
        ("json", "[1]", None),
        ("actuator", json.dumps({"propertySources": [
            {"name": "env", "properties": {"PORT": {"value": 8080}, "KEY": {"value": "******"}}},
            {"name": "file", "properties": {"PORT": {"value": 9}}}]}), {"PORT": "8080", "KEY": None}),
        ("actuator", json.dumps({"contexts": {"app": {"beans": {"b": {"prefix": "db", "properties": {
            "pool": {"size": 5}}}}}}}), {"db.pool.size": "5"}),
        ("actuator", "{}", None),
    ],
)  # fmt: skip
def test_a_text_is_read_as_its_format_says_or_refused(
    kind: Format, text: str, found: dict[str, str | None] | None
) -> None:
    if found is None:
        with pytest.raises(ValueError):
            flat(text, kind)
    else:
        assert flat(text, kind) == found


@pytest.mark.parametrize("kind", ["environment", "yaml", "json", "actuator"])
def test_what_is_wrong_with_a_text_repeats_nothing_of_it(kind: Format) -> None:
    with pytest.raises(ValueError) as refused:
        flat(f"{PASSWORD}: [{{", kind)
    assert PASSWORD not in str(refused.value)


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8).map(
    lambda text: text.rstrip("\n")
)


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True), TEXT, min_size=1))
def test_what_the_kernel_tells_of_a_process_is_read_as_it_is(values: dict[str, str]) -> None:
    text = "".join(f"{name}={value}\0" for name, value in values.items())
    masked = {name: None if len(value) > 2 and not value.strip("*") else value for name, value in values.items()}
    assert flat(text, "environment") == masked


# a Pod


def encoded(**values: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


CONFIG = {"data": {"POOL": "20", "MODE": "slow", "app.yaml": "pool: {size: 5}\n"}, "metadata": {"managedFields": [
    {"time": "2026-11-21T10:00:00Z"}]}}  # fmt: skip
SECRET = {"data": encoded(word=PASSWORD, url=f"db://shop:{PASSWORD}@db/shop")}
CONTAINER: dict[str, Any] = {
    "name": "web",
    "envFrom": [{"configMapRef": {"name": "web"}}],
    "env": [
        {"name": "MODE", "value": "fast"},
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "web", "key": "word"}}},
        {"name": "URL", "value": "db://shop:$(DB_PASSWORD)@db"},
        {"name": "TITLE", "value": "$(MODE) $$(MODE) $(NOBODY)"},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "MAYBE", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a", "optional": True}}},
        {"name": "LOST", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a"}}},
    ],
    "resources": {"limits": {"memory": "128Mi"}},
    "volumeMounts": [{"name": "secret", "mountPath": "/run/secret"}, {"name": "app", "mountPath": "/etc/app.yaml",
                                                                      "subPath": "app.yaml"}],
}  # fmt: skip
POD = {
    "metadata": {"name": "web-a"},
    "spec": {
        "containers": [CONTAINER],
        "volumes": [
            {"name": "secret", "secret": {"secretName": "web", "items": [{"key": "url", "path": "db/url"}]}},
            {"name": "app", "projected": {"sources": [{"configMap": {"name": "web"}}]}},
        ],
    },
    "status": {"podIP": "10.0.0.7", "containerStatuses": [
        {"name": "web", "state": {"running": {"startedAt": "2026-11-21T10:00:00Z"}}}]},
}  # fmt: skip


def cluster(**changed: Any) -> Cluster:
    objects = {"Pod": POD, "ConfigMap": CONFIG, "Secret": SECRET} | changed
    made = Cluster(ApiClient(Configuration(host="http://127.0.0.1:9")), "shop")
    made.get = lambda version, kind, name: objects[kind] if name == "web" else None  # type: ignore[method-assign]
    made.all = lambda version, kind, selector="", fields="": [objects[kind]] if objects[kind] else []  # type: ignore[method-assign]
    return made


class Wire(Sender):
    """Answers with one text."""

    def __init__(self, text: str = "", status: int = 200) -> None:
        super().__init__(requests.Session())
        self.text, self.status = text, status

    def send(self, target: Target, request: Request, timeout: float, cookies: Any = None) -> Reply:
        return Reply(self.status, body=self.text.encode())


def legacy(*sources: dict[str, Any]) -> Legacy:
    values = {"instances": [{"name": "vm-1", "url": "http://10.0.0.1:8080"}], "retire": ["true", "{instance}"]}
    return Legacy.model_validate({**values, "settings": list(sources)})


def read(folder: Path, wanted: dict[str, Any] | None = None, text: str = "", sender: Sender | None = None,
         of: Cluster | None = None, **source: Any) -> Sides:  # fmt: skip
    (folder / "vm-1.env").write_text(text)
    source = source or {"command": ["cat", "{instance}.env"]}
    settings = Settings.model_validate(wanted or {})
    return both_sides(of or cluster(), sender or Wire(), Target("web-a", ""), settings, legacy(source), folder)


def new(sides: Sides) -> dict[str, str | None]:
    return {setting.name: setting.shown for setting in sides.new}


def test_the_environment_and_the_files_of_a_container_are_what_the_kubelet_gave_it(tmp_path: Path) -> None:
    sides = read(tmp_path, text="A=1")
    assert new(sides) == {
        "POOL": "20", "MODE": "fast", "app.yaml": "pool: {size: 5}", "DB_PASSWORD": None, "URL": None,
        "TITLE": "fast $(MODE) $(NOBODY)", "IP": "10.0.0.7", "MEMORY": "128", "LOST": None,
        "/run/secret/db/url": None, "/etc/app.yaml": "pool: {size: 5}",
    }  # fmt: skip
    assert {setting.name for setting in sides.new if setting.digest is None} == {"LOST"}


def test_a_file_of_a_known_format_is_compared_value_by_value(tmp_path: Path) -> None:
    assert new(read(tmp_path, {"files": [{"path": "/etc/app.yaml", "format": "yaml"}]}, "A=1"))["pool.size"] == "5"
    sides = read(tmp_path, {"files": [{"path": "/etc/app.yaml", "format": "json"}]}, "A=1")
    assert sides.unread == {"web-a": "/etc/app.yaml: it is no JSON (line 1)"}


def test_equal_secrets_are_found_equal_and_none_of_their_values_is_anywhere(tmp_path: Path) -> None:
    text = f"DB_PASSWORD={PASSWORD}\nURL=db://shop:{PASSWORD}@db\nPOOL=10\nMODE={PASSWORD}\nOTHER=kept-by-itself\n"
    sides = read(tmp_path, text=text)
    rows = {row.name: row for row in compare(sides.old, sides.new, Settings().rules)}
    assert {name: rows[name].kind for name in ("DB_PASSWORD", "URL", "POOL", "MODE", "OTHER")} == {
        "DB_PASSWORD": "same", "URL": "same", "POOL": "different", "MODE": "different", "OTHER": "only old",
    }  # fmt: skip
    assert (rows["POOL"].old, rows["POOL"].new, rows["MODE"].old, rows["OTHER"].old) == ("10", "20", None, None)
    assert PASSWORD not in repr((sides, rows))


def test_digests_of_two_readings_cannot_be_compared(tmp_path: Path) -> None:
    first, second = (read(tmp_path, text="A=1").old["vm-1"][0].digest for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("written", "late"), [("2026-11-21T10:00:00Z", []), ("2026-11-21T10:00:01Z", ["ConfigMap/web"])]
)
def test_what_was_written_after_the_start_is_named_because_the_process_has_the_older_values(
    tmp_path: Path, written: str, late: list[str]
) -> None:
    config = CONFIG | {"metadata": {"managedFields": [{"time": written}, {}]}}
    assert read(tmp_path, text="A=1", of=cluster(ConfigMap=config)).changed == late


def test_a_pod_that_is_gone_and_a_container_that_is_not_there_are_told(tmp_path: Path) -> None:
    assert read(tmp_path, text="A=1", of=cluster(Pod=None)).unread == {"web-a": "the Pod is gone"}
    with pytest.raises(BadParameters, match="no container 'db'; there are web"):
        read(tmp_path, {"container": "db"}, "A=1")


# machines


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"command": ["cat", "{instance}.absent"]}, "cat ended with 1; run it by hand to see why"),
        (
            {"command": ["/no/such/command"]},
            "legacy.settings: /no/such/command cannot be run: No such file or directory",
        ),
        ({"command": ["echo", PASSWORD]}, "echo: entry 1 is no KEY=VALUE"),
        ({"command": ["true"]}, "true told no setting"),
        ({"path": "/actuator/env", "format": "actuator"}, "/actuator/env: it is no JSON (line 1)"),
    ],
)
def test_an_instance_that_tells_nothing_usable_is_not_known(tmp_path: Path, source: dict[str, Any], says: str) -> None:
    assert read(tmp_path, **source).unread == {"vm-1": says}


def test_both_sides_may_tell_their_settings_over_http(tmp_path: Path) -> None:
    told = Wire(json.dumps({"propertySources": [{"properties": {"shop.title": {"value": "Shop"}}}]}))
    sides = read(tmp_path, {"path": "/env"}, sender=told, path="/env", format="actuator", prefix="")
    rows = {row.name: row for row in compare(sides.old, sides.new, Settings().rules)}
    assert (rows["shop.title"].kind, rows["shop.title"].old) == ("same", None)  # nobody says that it is no secret
    refused = read(tmp_path, {"path": "/env"}, sender=Wire(status=404), path="/env", format="actuator")
    assert refused.unread == {"web-a": "/env answered 404", "vm-1": "/env answered 404"}
