"""Manifests: every value keeps its line, everything that is no object is named, nothing raises but BadParameters."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from damage import places, put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.artefacts import Assessed, Demanded, Policy
from runbook_lib.errors import BadParameters
from runbook_lib.judge.dockerfile import check_dockerfile
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.judge.workload.judge import check_manifests
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Outcome
from runbook_lib.observe.files.manifests import parse_manifests, read_manifests
from runbook_lib.observe.files.schemas import read_schemas
from runbook_lib.observe.release import bundle
from runbook_lib.observe.release.rendering import Place
from runbook_lib.sections.release import Rendering

GOOD = (Path(__file__).parent.parent / "judge" / "workload" / "good.yaml").read_text()

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))

BROKEN: list[tuple[str, str, str]] = [
    ("a tab", "apiVersion: v1\nkind:\n\t- x\n", "f.yaml:3 is not YAML"),
    ("half a file", 'apiVersion: v1\nkind: "Serv', "f.yaml:2 is not YAML"),
    ("a template", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  n: {{ .Values.n }}\n", "f.yaml:5 holds a template"),
    ("a template block", "{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", "f.yaml:1 holds a template"),
    ("only empty documents", "---\n---\n# nothing\n", "f.yaml holds no object"),
    ("no kind", "apiVersion: v1\nmetadata: {name: x}\n", "f.yaml:1 has no kind and apiVersion"),
    ("a list at the top", "- a\n- b\n", "f.yaml:1 has no kind"),
    ("text", "just text\n", "f.yaml:1 has no kind"),
    ("a chart's expression in quotes", 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: "{{ .Values.name }}"\n', "f.yaml:4 holds a template"),
    ("a chart's function in quotes", "a: '{{- include \"x\" . }}'\n", "f.yaml:1 holds a template"),
    ("items that are no list", "apiVersion: v1\nkind: List\nitems: {a: b}\n", "f.yaml:3 has items that are no list"),
    ("a list of nothing", "apiVersion: v1\nkind: List\nitems: []\n", "f.yaml holds no object"),
    ("an item that is none", "apiVersion: v1\nkind: List\nitems:\n- x\n", "f.yaml:4 has no kind"),
    ("a key that is nothing", "apiVersion: v1\nkind: ConfigMap\ndata: {~: x}\n", "f.yaml:3 is not YAML: a key that is nothing"),
    ("a key that is a list", "apiVersion: v1\nkind: ConfigMap\n? [a]\n: x\n", "f.yaml:3 is not YAML: a key that is a list"),
    ("aliases of aliases", LAUGHS, "f.yaml:1 is not YAML: its aliases stand for more than 1000000 values"),
    ("half a JSON", '{"apiVersion": "v1", "kind": ', "f.yaml:1 is not YAML"),
    ("a cycle", "a: &a [*a]\n", "f.yaml:1 is not YAML: an alias inside what it names"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_no_object_is_a_finding_with_its_line(text: str, message: str) -> None:
    read = parse_manifests(text, "f.yaml")
    assert read.resources == ()
    assert [f.outcome for f in read.findings] == [Outcome.FAIL]
    assert read.findings[0].message.startswith(message)


def test_a_key_given_twice_is_named_with_its_line() -> None:
    read = parse_manifests("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: b\n", "f.yaml")
    assert [(f.check, f.line) for f in read.findings] == [("duplicate-key", 5)]
    assert read.resources[0].name == "b"


def test_lists_anchors_and_merge_keys_are_resolved_with_their_lines() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- &one\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n- <<: *one\n  kind: Secret\n"
    )
    read = parse_manifests(text, "f.yaml")
    assert [(r.kind, r.name, r.node.get("metadata").line) for r in read.resources] == [
        ("ConfigMap", "a", 7),
        ("Secret", "a", 7),
    ]


def test_whatever_has_items_is_a_list_and_a_typed_one_says_what_its_members_are() -> None:
    text = "apiVersion: v1\nkind: {}\nitems:\n- metadata: {{name: a}}\n- {{apiVersion: v1, kind: Secret, metadata: {{name: b}}}}\n"
    typed = parse_manifests(text.format("ConfigMapList"), "f")
    assert [(r.api_version, r.kind, r.name) for r in typed.resources] == [
        ("v1", "ConfigMap", "a"),
        ("v1", "Secret", "b"),
    ]
    other = parse_manifests(text.format("Bundle"), "f")
    assert [r.name for r in other.resources] == ["b"]
    assert [f.line for f in other.findings] == [4]


def test_empty_documents_between_objects_are_nothing() -> None:
    read = parse_manifests(f"---\n# a\n---\n{CONFIG}---\n\n...\n---\nnull\n", "f")
    assert ([r.name for r in read.resources], read.findings) == (["a"], ())


@pytest.mark.parametrize("between", ["\n", "\n\n", "\r\n"])
def test_json_is_read_as_json_with_its_lines(between: str) -> None:
    one = '{\n\t"apiVersion": "v1",\n\t"kind": "ConfigMap",\n\t"metadata": {"name": "NAME", "annotations": {"a": "\\ud83d\\ude00 \\/"}}\n}'
    read = parse_manifests(one.replace("NAME", "a") + between + one.replace("NAME", "b") + between, "f.json")
    assert read.findings == ()
    assert [r.name for r in read.resources] == ["a", "b"]
    assert read.resources[0].node.get("metadata", "annotations", "a").value == "\U0001f600 /"
    assert read.resources[1].node.get("kind").line == 3 + 4 + between.count("\n")


def test_a_key_that_kubectl_takes_for_a_boolean_is_named_with_what_it_becomes() -> None:
    read = parse_manifests("apiVersion: v1\nkind: ConfigMap\ndata:\n  on: a\n  'off': b\n  0x10: c\n  8080: d\n", "f")
    assert [(f.check, f.line, f.message) for f in read.findings] == [
        ("key-text", 4, "data.on is read as true: put it in quotes"),
        ("key-text", 6, "data.0x10 is read as 16: put it in quotes"),
    ]
    assert list(read.resources[0].node.get("data").value) == ["true", "off", "16", "8080"]


def test_an_alert_may_speak_of_its_labels_in_quotes_and_a_comment_of_anything() -> None:
    text = CONFIG + 'data: {a: "{{ $labels.pod }} {{ .Labels.x }}"}\n# {{ .Values.x }}\n'
    assert parse_manifests(text, "f").findings == ()


def test_a_missing_value_points_at_the_line_of_its_parent() -> None:
    node = parse_manifests("apiVersion: v1\nkind: Pod\nspec:\n  containers: []\n", "f.yaml").resources[0].node
    assert (node.get("spec", "volumes").exists, node.get("spec", "volumes").line) == (False, 3)
    assert node.get("spec", "volumes").path == "spec.volumes"


def test_windows_line_ends_change_nothing() -> None:
    unix, windows = (parse_manifests(text, "f") for text in (GOOD, GOOD.replace("\n", "\r\n")))
    assert [r.node.plain() for r in windows.resources] == [r.node.plain() for r in unix.resources]


def test_quoted_braces_are_text_and_no_template() -> None:
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  rule: "{{ $labels.pod }} is down"\n'
    assert parse_manifests(text, "f").findings == ()


def test_a_broken_file_among_good_ones_is_a_finding_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_bytes("apiVersion: v1\nkind: ConfigMap # 名\n".encode("gbk"))
    read = read_manifests(tmp_path)
    assert len(read.resources) == len(DOCUMENTS)
    assert [(f.object, "b.yaml:2 is not UTF-8" in f.message) for f in read.findings] == [("b.yaml", True)]


@pytest.mark.parametrize("content", [None, "", "# nothing\n"])
def test_nothing_to_check_is_refused_in_one_sentence(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "manifests"
    if content is not None:
        folder.mkdir()
        (folder / "a.yaml").write_text(content)
    with pytest.raises(BadParameters, match="manifests"):
        read_manifests(folder)


def test_the_files_that_are_checked_are_those_that_are_applied(tmp_path: Path) -> None:
    for name in ("a.YAML", ".hidden.yaml", "b.yaml"):
        (tmp_path / name).write_text(CONFIG.replace("name: a", f"name: from-{name.strip('.').lower()}"))
    applied = sorted(one.object["metadata"]["name"] for one in bundle.read(tmp_path, "shop"))
    assert sorted(one.name for one in read_manifests(tmp_path).resources) == applied == ["from-a.yaml", "from-b.yaml"]
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: []\n")
    with pytest.raises(BadParameters, match=r"is a kustomization among plain manifests; name .*base"):
        read_manifests(tmp_path)


@pytest.mark.skipif(not (shutil.which("kubectl") or shutil.which("kustomize")), reason="no kustomize, no kubectl")
def test_a_kustomization_is_checked_as_it_is_rendered(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CONFIG)
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\nnamePrefix: pilot-\n")
    read = read_manifests(tmp_path)
    assert [(one.kind, one.name, one.node.file) for one in read.resources] == [
        ("ConfigMap", "pilot-a", f"{tmp_path} as rendered")
    ]
    assert read.findings == ()


def test_a_chart_is_checked_with_the_tool_and_the_values_that_will_render_it(tmp_path: Path) -> None:
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: web\n")
    tool = tmp_path / "helm"
    tool.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo v3 && exit\n[ "$2" = orders ] && echo \'{CONFIG}\'\n')
    tool.chmod(0o755)
    read = read_manifests(tmp_path / "chart", Rendering(helm=str(tool)), Place("shop", "orders"))
    assert [one.name for one in read.resources] == ["a"]
    tool.write_text("#!/bin/sh\necho 'Error: no such value' >&2\nexit 1\n")
    with pytest.raises(BadParameters, match=r"the chart .* cannot be rendered: no such value"):
        read_manifests(tmp_path / "chart", Rendering(helm=str(tool)), Place("shop", "orders"))


def checked(text: str, version: str | None = None) -> None:
    """Everything that 02 does with a text; returns nothing, because all that counts is that it does not raise."""
    manifests = parse_manifests(text, "f.yaml")
    assessed = Assessed((8080,), 1.0, 2.0, 0.1, 100.0, 3, "Asia/Shanghai", None, "java 1.8.0_181", (
        Demanded("local-file", "blocking", "c", ("a:1",), ("/data/x",)),
        Demanded("session", "blocking", "c", ("a:1",)),
        Demanded("cron", "blocking", "c", ("a:1",)),
        Demanded("log-file", "warning", "c", ("a:1",), ("/var/log",)),
    ))  # fmt: skip
    dockerfile = parse_dockerfile("FROM a\nUSER b\nVOLUME /data\n", "Dockerfile")
    schemas = read_schemas(manifests.resources, version) if version else None
    check_manifests(World(manifests.resources, dockerfile, assessed, Policy(), "web", schemas), manifests)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["50%", "1Gi", "a:1@b"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "port", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
DOCUMENTS = list(yaml.safe_load_all(GOOD))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), value=VALUES)
def test_a_wrong_type_in_any_field_is_never_a_traceback(data: st.DataObject, value: Any) -> None:
    number = data.draw(st.integers(0, len(DOCUMENTS) - 1))
    place = data.draw(st.sampled_from(places(DOCUMENTS[number])))
    damaged = [*DOCUMENTS[:number], put(DOCUMENTS[number], place, value), *DOCUMENTS[number + 1 :]]
    checked(yaml.safe_dump_all(damaged), data.draw(st.sampled_from([None, "1.31"])))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="&*{}[]:,-<|> \n\t'\"!a1%", max_size=80))
def test_no_text_at_all_is_a_traceback(text: str) -> None:
    checked(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["FROM a", "RUN <<E", "E", "\\", "USER", "ENV a=b c", "CMD [", "COPY --from", "ARG X", "#", "x", "FROM $X AS b"]), max_size=8))  # fmt: skip
def test_no_dockerfile_is_a_traceback(lines: list[str]) -> None:
    check_dockerfile(parse_dockerfile("\n".join(lines), "Dockerfile"))


def test_ten_megabytes_are_the_end(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"# " + b"x" * (10 * 2**20))
    with pytest.raises(BadParameters, match="larger than 10 MiB"):
        read_manifests(path)


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 100_000 + "a", "{a: " * 50_000])
def test_nesting_that_would_end_the_process_is_a_finding(text: str) -> None:
    (finding,) = parse_manifests(text, "f.yaml").findings
    assert "nested deeper than 100 levels" in finding.message


def test_a_mode_is_read_as_octal_as_the_api_server_reads_it() -> None:
    (mode,) = parse_manifests("apiVersion: v1\nkind: A\nmode: 0644\n", "f.yaml").resources
    assert mode.node.get("mode").value == 0o644


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("data:\n  a: |\n    {{ fine }}\n\n    {{ fine }}\n  b: {{ bad }}\n", 6),
        ("list:\n- |\n  {{ fine }}\n- {{ bad }}\n", 4),
        ("list:\n- name: >-\n    {{ fine }}\n  value: {{ bad }}\n", 4),
    ],
)
def test_a_file_inside_a_config_map_may_hold_templates_of_its_own(text: str, line: int) -> None:
    (finding,) = parse_manifests(text, "f.yaml").findings
    assert finding.line == line
    fine = "".join(one for one in text.splitlines(keepends=True) if "bad" not in one)
    assert not any("template" in found.message for found in parse_manifests(fine, "f.yaml").findings)
