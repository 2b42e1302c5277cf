"""The preflight on the screen."""

from __future__ import annotations

from runbook_lib.model import Outcome, Verdict
from runbook_lib.observe.rbac import Permission
from runbook_lib.show.preflight import permission_table, preflight_table


def test_one_row_a_resource_tells_what_is_allowed_missing_and_useful() -> None:
    answers = [
        Permission("get", "apps", "deployments", True, True, "shop", "web", "deploy"),
        Permission("patch", "apps", "deployments", False, True, "shop", "web", "deploy"),
        Permission("update", "apps", "deployments", False, True, "shop", "web", "drill"),
        Permission("list", "", "nodes", False, False, purpose="room", optional=True),
    ]
    rows = permission_table(answers).data.to_dict("records")  # type: ignore[attr-defined]
    assert rows == [
        {
            "resource": "deployments.apps",
            "in": "shop",
            "allowed": "get",
            "missing": "patch update",
            "useful": "",
            "what for": "deploy; drill",
        },
        {
            "resource": "nodes",
            "in": "all namespaces",
            "allowed": "",
            "missing": "",
            "useful": "list",
            "what for": "room",
        },
    ]


def test_each_group_is_named_once_and_its_worst_criterion_comes_first() -> None:
    groups = {
        "room": (Verdict("quota", Outcome.PASS, "a"), Verdict("capacity", Outcome.FAIL, "b <script>")),
        "watching": (Verdict("on call", Outcome.PASS, "c"),),
    }
    table = preflight_table(groups)
    rows = table.data.to_dict("records")  # type: ignore[attr-defined]
    assert [(row["about"], row["criterion"]) for row in rows] == [
        ("room", "capacity"),
        ("", "quota"),
        ("watching", "on call"),
    ]
    assert "<script>" not in table.to_html()
