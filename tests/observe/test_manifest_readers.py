"""What people and their tools leave in files: each is named with its line, nothing is skipped in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.observe.files.manifests import parse_manifests, read_manifests
from runbook_lib.observe.files.schemas import read_schemas
from runbook_lib.sections.release import Rendering

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

REFUSED: list[tuple[str, str, int, str]] = [
    ("a merge of what is no mapping", f"{CONFIG}data:\n  <<: 5\n", 5, "<< takes a mapping or a list of them"),
    ("a merge of a list with text in it", f"{CONFIG}data:\n  <<: [{{a: b}}, 5]\n", 5, "<< takes a mapping"),
    ("a key without its colon", f"{CONFIG}data\n", 4, "could not find expected ':'"),
    ("a character that is none", f'{CONFIG}data: {{a: "x\0y"}}\n', 4, "a control character, 0x00"),
    ("a page break", f"{CONFIG}\x0c", 4, "a control character, 0x0c"),
    ("a kind that is a number", "apiVersion: v1\nkind: 5\nmetadata: {name: a}\n", 2, "kind is 5, it must be text"),
    ("a version that is a number", "apiVersion: 1\nkind: Pod\n", 1, "apiVersion is 1, it must be text"),
]


@pytest.mark.parametrize(("text", "line", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_kubectl_refuses_is_named_with_its_line(text: str, line: int, says: str) -> None:
    read = parse_manifests(text, "f.yaml")
    assert read.resources == ()
    assert [(found.line, says in found.message) for found in read.findings] == [(line, True)], read.findings


def test_a_list_without_items_is_an_empty_list() -> None:
    read = parse_manifests(f"apiVersion: v1\nkind: List\n---\n{CONFIG}", "f")
    assert ([one.name for one in read.resources], read.findings) == (["a"], ())


def test_files_that_were_put_together_keep_their_byte_order_marks() -> None:
    read = parse_manifests(f"{CONFIG}---\n\ufeff{CONFIG}", "f")
    assert ([one.node.line for one in read.resources], read.findings) == ([1, 5], ())


@pytest.mark.parametrize("number", ["0x" + "f" * 6000, "0" + "7" * 6000, "1" + "0" * 30, "-" + "9" * 400])
def test_a_number_that_nothing_can_hold_is_no_traceback(number: str) -> None:
    read = parse_manifests(f"apiVersion: v1\nkind: A\nsize: {number}\n", "f")
    assert isinstance(read.resources[0].node.get("size").value, float | str)
    assert read.resources[0].node.get("size").text()
    read_schemas(read.resources, None)


def test_utf_16_is_named_and_not_taken_for_chinese(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(CONFIG.encode("utf-16"))
    with pytest.raises(BadParameters, match=r"a\.yaml:1 is UTF-16.*iconv -f UTF-16 -t UTF-8"):
        read_manifests(path)


def test_a_pipe_in_a_place_of_its_own_is_no_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(BadParameters, match=r"a\.yaml is neither a file nor a folder"):
        read_manifests(tmp_path / "a.yaml")


def test_a_folder_that_has_to_be_rendered_is_said_in_words_that_fit_whoever_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "Chart.yaml").write_text("name: x\n")
    with pytest.raises(BadParameters, match=r"is a Helm chart and helm is not on PATH: .*helm template") as chart:
        read_manifests(tmp_path)
    (tmp_path / "Chart.yaml").rename(tmp_path / "kustomization.yaml")
    with pytest.raises(BadParameters, match=r"is a kustomization and kustomize or kubectl is not on PATH") as overlay:
        read_manifests(tmp_path)
    for refusal in (chart, overlay):
        assert "kubernetes." not in str(refusal.value)
        assert "nothing was applied" not in str(refusal.value)


def test_a_tool_complains_in_its_own_words_without_its_advice_about_other_things(tmp_path: Path) -> None:
    tool = tmp_path / "kustomize"
    advice = "# Warning: 'bases' is deprecated. Please use 'resources' instead. Run 'kustomize edit fix' to update."
    tool.write_text(f'#!/bin/sh\nprintf "{advice}\\n{advice}\\nError: no such file ../base\\n" >&2\nexit 1\n')
    tool.chmod(0o755)
    (tmp_path / "kustomization.yaml").write_text("bases: [../base]\n")
    with pytest.raises(BadParameters, match=r"cannot be rendered: no such file \.\./base$"):
        read_manifests(tmp_path, Rendering(kustomize=str(tool)))
