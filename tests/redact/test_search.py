"""Parameters that hold a secret are refused by the key's name, and the value is not said."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.errors import BadParameters
from runbook_lib.parameters import check, load

DEMO = yaml.safe_load((Path(__file__).parents[2] / "parameters" / "demo.yaml").read_text())
CONFIG = "apiVersion: v1\nusers:\n- user:\n    token: hunter2hunter2\n"
BEARER = ["curl", "-H", "Authorization: Bearer hunter2hunter2", "{instance}"]


def _with(key: str, value: Any) -> dict[str, Any]:
    values = copy.deepcopy(DEMO)
    *path, last = [int(step) if step.isdigit() else step for step in key.split(".")]
    inner = values
    for step in path:
        inner = inner[step]
    inner[last] = value
    return dict(values)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prometheus.token", "hunter2hunter2"),
        ("prometheus.password", "hunter2hunter2"),
        ("business.database", "postgresql://me:hunter2hunter2@db/shop"),
        ("gates.webhook", "https://hooks.slack.com/services/T0/B0/hunter2hunter2"),
        ("gates.webhook", "https://chat.example/in/hunter2hunter2abcdef"),
        ("application.contacts.0.reach", "https://chat.example/in?key=hunter2hunter2abcdef"),
        ("kubernetes.kubeconfig", CONFIG),
        ("kubernetes.kubeconfig", {"users": [{"user": {"client-key-data": "hunter2hunter2"}}]}),
        ("legacy.retire", BEARER),
        ("legacy.retire", ["retire", "--token", "hunter2hunter2", "{instance}"]),
    ],
)
def test_a_secret_is_refused_and_not_repeated(key: str, value: Any) -> None:
    with pytest.raises(BadParameters, match="env:NAME, file:PATH or secret:namespace/name#key") as refused:
        check(_with(key, value), "app.yaml")
    assert key in str(refused.value) and "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gates.webhook", "http://alerts.example:9093/api/v2/alerts"),
        ("gates.webhook", "env:RUNBOOK_WEBHOOK"),
        ("application.contacts.0.reach", "#orders-on-call"),
    ],
)
def test_addresses_and_references_are_taken(key: str, value: str) -> None:
    check(_with(key, value), "app.yaml")


def test_a_file_that_is_no_yaml_is_refused_without_its_line(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text('prometheus:\n  token: "hunter2\n')
    with pytest.raises(BadParameters, match=r"is not YAML: .* \(line 3, column 1\)") as refused:
        load(path)
    assert "hunter2" not in str(refused.value)
