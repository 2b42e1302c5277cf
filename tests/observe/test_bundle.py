"""A folder of manifests, read whole or refused."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.observe.release import bundle
from runbook_lib.observe.release.rendering import Place, complaint
from runbook_lib.sections.release import Rendering

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\n"
LIST = "{{apiVersion: v1, kind: List, items: {items}}}"
BOMB = f"{CONFIG}a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)
MONITOR = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: web}\n"


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_what_pods_read_comes_before_the_pods_and_unknown_kinds_last(tmp_path: Path) -> None:
    folder = written(tmp_path, a=f"{MONITOR}---\n{DEPLOYMENT}", b=f"{SERVICE}---\n{CONFIG}")
    names = [manifest.name for manifest in bundle.read(folder, "shop")]
    assert names == ["ConfigMap/web", "Service/web", "Deployment/web", "ServiceMonitor/web"]


def test_every_object_remembers_where_it_stands(tmp_path: Path) -> None:
    folder = written(tmp_path, a=f"{CONFIG}---\n{SERVICE}")
    assert [manifest.file for manifest in bundle.read(folder, "shop")] == ["a.yaml:1", "a.yaml:5"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no object"),
        ("{", "not YAML"),
        ("just text", "no kind and apiVersion"),
        ("apiVersion: v1\nkind: ConfigMap\n", "no metadata.name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: web-}\n", "no metadata.name"),
        (f"{CONFIG}---\n{CONFIG}", "stands at a.yaml:1 and at a.yaml:5"),
        (CONFIG.replace("name: web", "name: web, namespace: other"), "namespace other"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.name }}\n", "template expression"),
        (f'{CONFIG}data: {{a: "{{{{ .Values.a }}}}"}}\n', "a.yaml:4 holds a template expression"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 123}\n", "metadata.name that is no text but a number"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: [web]\n", "no metadata.name"),
        ("apiVersion: v1\nkind: [ConfigMap]\nmetadata: {name: web}\n", "no kind and apiVersion"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n", "another namespace"),
        (CONFIG.replace("web}", "web, resourceVersion: '3'}"), "copied from a cluster"),
        (
            LIST.format(items=f"[{LIST.format(items='[{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]')}]"),
            "List",
        ),
        (LIST.format(items="[{a: 1}]"), "no kind and apiVersion"),
        (LIST.format(items="[]"), "no Kubernetes object|no object"),
        (f"{SECRET}stringData: {{p: 20261121}}\n", r"stringData\.p that is no text but a number"),
        (f"{SECRET}data: {{p: 'hunter2!'}}\n", r"data\.p that is not base64"),
        (f"{SECRET}data: [a]\n", "data that is no mapping"),
        (f"{CONFIG}x: .inf\n", None),
        (f"{CONFIG}x: 1.0e+999\n", "no finite number"),
        (f"{CONFIG}x: &a [*a]\n", "alias inside what it names"),
        (BOMB, "its aliases stand for more than 1000000 values"),
        (f"{CONFIG}x: {'[' * 5000}\n", "nested deeper"),
        (f"{CONFIG}x: 1\nx: 2\n", "given twice"),
    ],
)
def test_a_bad_manifest_is_refused_in_one_sentence(tmp_path: Path, text: str, says: str | None) -> None:
    if says is None:  # allowed: the text ".inf"
        assert bundle.read(written(tmp_path, a=text), "shop")[0].object["x"] == ".inf"
        return
    with pytest.raises(BadParameters, match=says) as refusal:
        bundle.read(written(tmp_path, a=text), "shop")
    assert "hunter2" not in str(refusal.value)
    assert "20261121" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_one_broken_file_refuses_the_whole_folder(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"b\.yaml"):
        bundle.read(written(tmp_path, a=CONFIG, b="a: ["), "shop")


def test_a_missing_folder_and_a_kustomization_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"kubernetes\.manifests"):
        bundle.read(tmp_path / "absent", "shop")
    inner = tmp_path / "overlays"
    inner.mkdir()
    written(tmp_path, a=CONFIG)
    with pytest.raises(BadParameters, match=r"kustomization among plain manifests; name .*overlays"):
        bundle.read(written(inner, kustomization="resources: [a.yaml]").parent, "shop")


def test_files_that_are_no_manifests_are_told_from_those_that_cannot_be_read(tmp_path: Path) -> None:
    written(tmp_path, a=CONFIG)
    (tmp_path / ".swp.yaml").write_text("{", encoding="utf-8")
    (tmp_path / "README.md").write_text("{", encoding="utf-8")
    assert len(bundle.read(tmp_path, "shop")) == 1
    (tmp_path / "b.yaml").symlink_to(tmp_path / "absent.yaml")
    with pytest.raises(BadParameters, match=r"b\.yaml is a link to nothing"):
        bundle.read(tmp_path, "shop")


@pytest.mark.parametrize(("name", "content"), [("a.yaml", b"\xff\xfe"), ("a.yaml", b"a" * (10 * 2**20 + 1))])
def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadParameters, match=r"UTF-8|10 MiB"):
        bundle.read(tmp_path, "shop")


def test_an_empty_folder_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="no Kubernetes object"):
        bundle.read(tmp_path, "shop")


def test_one_file_may_hold_documents_and_lists(tmp_path: Path) -> None:
    items = (
        "[{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}, {apiVersion: v1, kind: Secret, metadata: {name: b}}]"
    )
    file = written(tmp_path, all=f"{DEPLOYMENT}---\n{LIST.format(items=items)}\n---\n# nothing\n") / "all.yaml"
    assert [one.name for one in bundle.read(file, "shop")] == ["Secret/b", "ConfigMap/a", "Deployment/web"]


def test_the_record_has_every_object_and_no_value_of_a_secret(tmp_path: Path) -> None:
    text = f"{SECRET}stringData: {{p: hunter2}}\n---\n{CONFIG}data: {{mode: fast}}\n"
    found = bundle.load(written(tmp_path, a=text), Place("shop", "web"), Rendering())
    assert "hunter2" not in str(found.facts)
    assert found.facts["objects"][0]["keys"] == ["p"]
    assert found.facts["objects"][1]["data"] == {"mode": "fast"}
    other = bundle.load(written(tmp_path, a=text.replace("fast", "slow")), Place("shop", "web"), Rendering())
    assert other.facts["digest"] != found.facts["digest"]


KUBECTL = pytest.mark.skipif(
    not (shutil.which("kubectl") or shutil.which("kustomize")), reason="no kustomize, no kubectl"
)


@KUBECTL
def test_a_kustomization_is_rendered_and_says_by_what(tmp_path: Path) -> None:
    written(tmp_path, a=DEPLOYMENT, kustomization="resources: [a.yaml]\nnamespace: shop\nnamePrefix: pilot-\n")
    found = bundle.load(tmp_path, Place("shop", "web"), Rendering())
    assert [one.name for one in found.manifests] == ["Deployment/pilot-web"]
    assert found.rendered.version.startswith(("kustomize v", "v"))
    assert found.facts["command"][-1] == str(tmp_path)


@KUBECTL
def test_a_kustomization_that_fails_tells_why_and_no_literal(tmp_path: Path) -> None:
    written(tmp_path, kustomization="resources: [absent.yaml]\n")
    with pytest.raises(BadParameters, match=r"cannot be rendered: .*absent\.yaml.*nothing was applied"):
        bundle.read(tmp_path, "shop")
    written(tmp_path, kustomization="secretGenerator: [{name: a, literals: [hunter2]}]\n")
    with pytest.raises(BadParameters, match="cannot be rendered") as refusal:
        bundle.read(tmp_path, "shop")
    assert "hunter2" not in str(refusal.value)
    assert "expected key=value" in str(refusal.value)


def test_without_a_tool_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    written(tmp_path, kustomization="resources: []")
    with pytest.raises(BadParameters, match=r"kustomize or kubectl is not on PATH.*kustomize build"):
        bundle.read(tmp_path, "shop")
    (tmp_path / "kustomization.yaml").rename(tmp_path / "Chart.yaml")
    with pytest.raises(BadParameters, match=r"helm is not on PATH.*helm template release"):
        bundle.read(tmp_path, "shop")


def helm(folder: Path, prints: str) -> Rendering:
    """A chart's folder, and a helm that says what it was asked and prints that."""
    (folder / "chart").mkdir()
    (folder / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: web\n", encoding="utf-8")
    (folder / "out").write_text(prints, encoding="utf-8")
    tool = folder / "helm"
    tool.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo v3.19.0+g3d8990f && exit\n'
        f'echo "$@" >> {folder}/asked\ncat {folder}/out\n',
        encoding="utf-8",
    )
    tool.chmod(0o755)
    return Rendering(helm=str(tool))


HOOKED = (
    "---\n# Source: web/templates/{file}\n{head}metadata: {{name: {name}, annotations: {{helm.sh/hook: {hook}}}}}\n"
)


def test_a_chart_is_rendered_with_its_values_and_named_by_its_templates(tmp_path: Path) -> None:
    (tmp_path / "production.yaml").write_text("a: 1\n", encoding="utf-8")
    test = HOOKED.format(file="test.yaml", head="apiVersion: v1\nkind: Pod\n", name="try", hook="test")
    wanted = helm(tmp_path, f"---\n# Source: web/templates/config.yaml\n{CONFIG}{test}")
    place = Place("shop", "web", (tmp_path / "production.yaml",), "v1.33.1-gke.2")
    found = bundle.load(tmp_path / "chart", place, wanted)
    assert [one.file for one in found.manifests] == ["web/templates/config.yaml (chart as rendered:3)"]
    assert (found.rendered.version, found.left_out) == ("v3.19.0+g3d8990f", ("Pod/try (hook: test)",))
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()[0]
    assert asked == (
        f"template web {tmp_path}/chart --namespace shop --include-crds --values {tmp_path}/production.yaml "
        "--kube-version v1.33.1"
    )


def test_a_hook_that_nobody_would_run_is_refused_or_left_out_by_name(tmp_path: Path) -> None:
    hook = HOOKED.format(file="job.yaml", head="apiVersion: batch/v1\nkind: Job\n", name="migrate", hook="pre-upgrade")
    wanted = helm(tmp_path, f"{CONFIG}{hook}")
    with pytest.raises(BadParameters, match=r"job\.yaml .*Job/migrate is a Helm hook \(pre-upgrade\)"):
        bundle.load(tmp_path / "chart", Place("shop", "web"), wanted)
    found = bundle.load(tmp_path / "chart", Place("shop", "web"), wanted.model_copy(update={"hooks": "leave out"}))
    assert found.left_out == ("Job/migrate (hook: pre-upgrade)",)


def test_a_chart_that_makes_up_a_password_each_time_is_refused(tmp_path: Path) -> None:
    wanted = helm(tmp_path, CONFIG)
    (tmp_path / "helm").write_text("#!/bin/sh\necho $$\n", encoding="utf-8")
    with pytest.raises(BadParameters, match="rendered otherwise each time"):
        bundle.load(tmp_path / "chart", Place("shop", "web"), wanted)


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        (
            "echo 'Error: parse error at (web/templates/a.yaml:3): unclosed action' >&2; exit 1",
            BadParameters,
            "unclosed",
        ),
        ("exit 1", BadParameters, "it says nothing"),
        ("printf '\\377'", BadParameters, "not UTF-8"),
        ("true", BadParameters, "holds no object"),
        ("sleep 600", Unreachable, "did not end within 0.2 s"),
    ],
)
def test_a_tool_that_fails_is_one_sentence(tmp_path: Path, script: str, error: type[Exception], says: str) -> None:
    wanted = helm(tmp_path, "").model_copy(update={"timeout": timedelta(seconds=0.2 if "sleep" in script else 60)})
    (tmp_path / "helm").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    with pytest.raises(error, match=says) as refusal:
        bundle.load(tmp_path / "chart", Place("shop", "web"), wanted)
    assert "\n" not in str(refusal.value)


def test_a_complaint_is_one_line_without_warnings() -> None:
    assert complaint("WARNING: Kubernetes configuration file is readable\nError: a\n  b.\n") == "a b"
    assert len(complaint("x" * 10_000)) < 410


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
_HEADS = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from(["v1", "apps/v1"]) | _VALUES,
        "kind": st.sampled_from(["List", "Secret", "Namespace", "ConfigMap"]) | _VALUES,
        "metadata": st.fixed_dictionaries({}, optional={"name": _VALUES, "namespace": _VALUES, "annotations": _VALUES}),
        "items": _VALUES,
        "data": _VALUES,
        "stringData": _VALUES,
    },
)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(st.lists(_HEADS | _VALUES, max_size=3), st.text(max_size=20), st.integers(0, 200))
def test_whatever_the_file_says_each_object_is_read_or_one_sentence_refuses_all(
    tmp_path: Path, documents: list[object], noise: str, at: int
) -> None:
    text = yaml.safe_dump_all(documents, allow_unicode=True)
    for one in (text, text[:at] + noise + text[at:]):
        (tmp_path / "a.yaml").write_text(one, encoding="utf-8", errors="replace")
        try:
            found = bundle.read(tmp_path, "shop")
        except BadParameters as refusal:
            assert "a.yaml" in str(refusal) or "no Kubernetes object" in str(refusal)
            continue
        assert all(isinstance(manifest.object["metadata"]["name"], str) for manifest in found)
        if one is text:
            given = sum(isinstance(d, dict) and "kind" in d and d["kind"] != "List" for d in documents)
            assert len(found) >= given, "nothing is skipped without a word"
