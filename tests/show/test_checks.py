"""What people see of the checks: the lines of the file, no secret in them, and text as text."""

from __future__ import annotations

from runbook_lib.artefacts import Resource, node_of
from runbook_lib.judge.overlay.choose import Chosen, Mend
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Finding, Outcome
from runbook_lib.redact import Redactor
from runbook_lib.show.checks import details, findings_table, overlay_summary

FAILED = Finding(
    "liveness", "Alive", Outcome.FAIL, "blocking", "Deployment/<b>", "no <probe>",
    "It hangs. https://kubernetes.io/docs/x", "/work/deploy/a.yaml", 3, "spec: <patch>",
)  # fmt: skip
LINES = {("/work/deploy/a.yaml", 3): "> 3  password: hunter2hunter2\n  4  image: <x>"}


def test_a_finding_shows_its_lines_reason_link_and_patch_as_text() -> None:
    shown = details([FAILED], LINES).data
    for said in ("deploy/a.yaml:3", "It hangs.", "https://kubernetes.io/docs/x", "spec: &lt;patch&gt;", "&lt;x&gt;"):
        assert said in shown
    assert "<probe>" not in shown and "<b>" not in shown.replace("<b style", "")


def test_no_secret_is_shown_with_the_lines() -> None:
    assert "hunter2" not in details([FAILED], LINES).data


def test_what_passed_is_not_looked_at() -> None:
    passed = Finding("liveness", "Alive", Outcome.PASS, "blocking", "Deployment/a", "a probe")
    assert details([passed]).data == "<p>Nothing to look at.</p>"


def test_who_answers_for_it_is_named_in_the_table_and_beside_the_finding() -> None:
    waived = Finding(**{**vars(FAILED), "waived": "anna until 2026-12-01: a trial"})
    assert "Waived by anna until 2026-12-01: a trial" in details([waived]).data
    table = findings_table([waived])
    assert "waived by anna" in table.to_html()  # type: ignore[union-attr]


def test_a_narrow_page_cuts_no_column_off_and_leaves_no_sentence_a_strip() -> None:
    table = findings_table([FAILED]).to_html()  # type: ignore[union-attr]
    for column, least in ((2, "9em"), (3, "12em"), (4, "9em")):
        style = table.partition(f"td.col{column} {{")[2].partition("}")[0]
        assert f"min-width: {least}" in style and "overflow-wrap: anywhere" in style


def test_the_overlay_says_what_it_makes_of_it_and_what_is_left() -> None:
    world = World((Resource("v1", "Pod", "a", "", node_of({})),))
    mends = (Mend("liveness", "blocking", "Pod/a, container b", {}), Mend("pdb", "warning", "Pod/a", {}))
    shown = overlay_summary(
        Chosen(world, world, mends, (("blocking", "image-fixed", "Pod/<a>"),)), "built & asked"
    ).data
    assert "2 mends at 1 objects fit together; 1 blocking findings of the manifests stay failed" in shown
    assert "built &amp; asked" in shown and "image-fixed – Pod/&lt;a&gt;" in shown


def test_the_overlay_says_which_secret_somebody_has_to_make() -> None:
    world = World((Resource("v1", "Pod", "a", "", node_of({})),))
    source = {"valueFrom": {"secretKeyRef": {"name": "a-secrets", "key": "API_TOKEN"}}}
    shown = overlay_summary(Chosen(world, world, (Mend("secret-in-env", "blocking", "Pod/a", source),), ()), "").data
    assert "Somebody has to make Secret/a-secrets with the key API_TOKEN first" in shown
    assert "kubectl create secret generic a-secrets --from-env-file=FILE" in shown


def test_a_place_behind_a_check_about_secrets_is_not_taken_for_one() -> None:
    finding = Finding(
        **{**vars(FAILED), "check": "image-secret", "file": "Dockerfile", "line": 4, "object": "Dockerfile"}
    )
    table = findings_table([finding]).to_html()  # type: ignore[union-attr]
    assert "Dockerfile:4" in table and Redactor().text(table) == table


def test_the_patch_of_a_dockerfile_was_tried_and_a_version_to_take_was_not() -> None:
    patch = Finding(**{**vars(FAILED), "object": "Dockerfile", "mend": "@@ -3,0 +4 @@\n+USER 10001:10001"})
    assert "tried on a copy" in details([patch]).data and "+USER 10001" in details([patch]).data
    version = Finding(**{**vars(FAILED), "object": "shop:1, openssl", "mend": "openssl 3.0.1 -> 3.0.2"})
    assert "tried on a copy" not in details([version]).data and "What mends it" in details([version]).data
