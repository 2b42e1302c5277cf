"""The difference as an operator sees it before the gate."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import yaml

from runbook_lib.observe.release import bundle
from runbook_lib.observe.release.bundle import Place, Release
from runbook_lib.observe.release.difference import Difference, FieldChange
from runbook_lib.redact import Redactor
from runbook_lib.sections.release import Rendering
from runbook_lib.show.difference import difference_view

LINES = [f"key_{n} = {n}" for n in range(200)]


def release(folder: Path, *objects: dict[str, object]) -> Release:
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return bundle.load(folder, Place("shop", "web"), Rendering())


def shown(found: Release, *differences: Difference) -> str:
    view = difference_view(differences, found, lambda value: value)
    return str(view.data)


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def config(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_of_a_long_file_only_the_lines_that_differ_are_shown(tmp_path: Path) -> None:
    after = [*LINES[:150], "key_150 = <new>", *LINES[151:]]
    field = FieldChange(".data[app.conf]", "\n".join(LINES), "\n".join(after))
    html = shown(release(tmp_path, config("web")), Difference("ConfigMap/web", "all.yaml:1", "change", (field,)))
    assert "(+1 -1 of 200 lines)" in html
    assert "+key_150 = &lt;new&gt;" in html
    assert "-key_150 = 150" in html
    assert "key_147" not in html


def test_thirty_objects_are_a_line_each_and_those_that_stay_one_line(tmp_path: Path) -> None:
    found = release(tmp_path, *(config(f"c{n}") for n in range(30)))
    differences = [
        Difference(m.name, m.file, "create" if n < 2 else "change" if n < 5 else "same", (FieldChange(".a", 1, 2),))
        for n, m in enumerate(found.manifests)
    ]
    html = shown(found, *differences)
    assert html.count("<tr>") == 1 + 5
    assert "30 objects: 2 to create, 3 to change, 25 as they are." in text_of(html)


def test_of_a_secret_only_digests_are_shown_and_of_a_new_one_only_its_keys(tmp_path: Path) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": {"p": "hunter2"}}
    found = release(tmp_path, secret)
    field = FieldChange(".data.p", "hmac:12345678/" + "a" * 64, "hmac:12345678/" + "b" * 64)
    for difference in (
        Difference("Secret/web", "all.yaml:1", "change", (field,)),
        Difference("Secret/web", "all.yaml:1", "create"),
    ):
        html = shown(found, difference)
        assert "hunter2" not in html
        assert "keyed digest" in html or "keys:\n- p" in html


def test_what_needs_a_decision_comes_first(tmp_path: Path) -> None:
    difference = Difference(
        "Deployment/web",
        "all.yaml:1",
        "change",
        (FieldChange(".spec.replicas", 5, 3),),
        conflicts=(".spec.replicas (kube-controller-manager)",),
        left=(".spec.paused: <we> pause it",),
    )
    html = shown(release(tmp_path, config("web")), difference)
    assert html.index("nobody decided") < html.index("&lt;we&gt; pause it") < html.index("<table")


def test_a_value_named_as_a_secret_is_hidden_by_the_run(tmp_path: Path) -> None:
    path = ".spec.template.spec.containers[name=web].env[name=DB_PASSWORD].value"
    difference = Difference("Deployment/web", "all.yaml:1", "change", (FieldChange(path, "hunter1", "hunter2"),))
    html = difference_view([difference], release(tmp_path, config("web")), Redactor().value).data
    assert "hunter" not in str(html)
