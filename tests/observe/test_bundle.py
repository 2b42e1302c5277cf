"""A folder of manifests, read whole or refused."""

from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.observe import bundle

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
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
    ],
)
def test_a_bad_manifest_is_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadParameters, match=says) as refusal:
        bundle.read(written(tmp_path, a=text), "shop")
    assert "\n" not in str(refusal.value)


def test_one_broken_file_refuses_the_whole_folder(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"b\.yaml"):
        bundle.read(written(tmp_path, a=CONFIG, b="a: ["), "shop")


def test_a_missing_folder_and_a_kustomization_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"kubernetes\.manifests"):
        bundle.read(tmp_path / "absent", "shop")
    with pytest.raises(BadParameters, match="kustomize build"):
        bundle.read(written(tmp_path, kustomization="resources: [a.yaml]"), "shop")
