"""The chosen mends as the files of one kustomization: what was given, what is new, and a patch an object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import yaml

from runbook_lib.artefacts import Resource
from runbook_lib.judge.overlay.choose import Chosen, Mend
from runbook_lib.judge.overlay.difference import difference, is_built_in
from runbook_lib.judge.workload.mend import target
from runbook_lib.judge.workload.to_make import ToMake, comment, to_make

KUSTOMIZATION, GIVEN, NEW = "kustomization.yaml", "given.yaml", "new.yaml"
HEAD = """\
# All mends that fit together, each tried on a copy, then all at once; `kubectl kustomize` builds this folder.
# A patch makes a check pass, not an application better: read each, then carry it over into your own files.
# Secrets are not copied: they stay what and where they are.
"""
Dumper: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def problem(chosen: Chosen) -> str:
    """Why kustomize would refuse what was given, in one sentence; empty when it would not."""
    resources = _kept(chosen.before.resources)
    nameless = next((r for r in resources if not r.name), None)
    if nameless is not None:
        return f"{nameless.title} at {nameless.node.file}:{nameless.node.line} has no name, and kustomize needs one"
    counted = Counter((r.api_version, r.kind, r.namespace, r.name) for r in resources)
    twice = next((names for names, number in counted.items() if number > 1), None)
    return f"{twice[1]}/{twice[3]} is given twice, and kustomize takes each object once" if twice else ""


def written(chosen: Chosen, hide: Callable[[Any], Any] = lambda value: value) -> dict[str, str]:
    """Name and text of every file; they lie side by side in one folder, and nothing else is needed to build them.

    ``hide`` takes secrets out of the values before they are YAML, which stays YAML then.
    """
    before, after = _kept(chosen.before.resources), _kept(chosen.after.resources)
    new = after[len(before) :]
    files = {GIVEN: _documents(hide(r.node.plain()) for r in before)}
    if new:
        files[NEW] = "---\n".join(
            _comment(_answered(chosen.mends, resource)) + _yaml(hide(resource.node.plain())) for resource in new
        )
    entries = [
        entry for old, now in zip(before, after, strict=False) if (entry := _entry(old, now, chosen.mends, hide))
    ]
    lines = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": sorted(files)}
    head = HEAD + comment(first(chosen)) + _left(chosen)
    files[KUSTOMIZATION] = head + _yaml(lines) + ("patches:\n" + "".join(entries) if entries else "")
    return files


def first(chosen: Chosen) -> tuple[ToMake, ...]:
    """The Secrets that somebody has to make before the overlay is applied."""
    return to_make(chosen.before, (mend.change for mend in chosen.mends))


def _kept(resources: Sequence[Resource]) -> list[Resource]:
    return [resource for resource in resources if resource.kind != "Secret"]


def _entry(old: Resource, now: Resource, mends: Sequence[Mend], hide: Callable[[Any], Any]) -> str:
    """One inline patch with the checks it answers above it; empty when the object stays as it is."""
    if old is now:
        return ""
    change = difference(hide(old.node.plain()), hide(now.node.plain()), is_built_in(old.api_version))
    if not change:
        return ""
    place = {"name": old.name} | ({"namespace": old.namespace} if old.namespace else {})
    metadata = {**place, **change.pop("metadata", {})}
    patch = {"apiVersion": old.api_version, "kind": old.kind, "metadata": metadata, **change}
    text = "".join(f"      {line}\n" for line in _yaml(patch).splitlines())
    return f"{_comment(_answered(mends, old), '  ')}  - patch: |\n{text}"


def _answered(mends: Sequence[Mend], resource: Resource) -> list[str]:
    names = (resource.kind, resource.namespace, resource.name)
    return list(dict.fromkeys(mend.check for mend in mends if target(mend.change) == names))


def _comment(checks: Sequence[str], indent: str = "") -> str:
    return f"{indent}# answers {', '.join(checks)}\n"


def _left(chosen: Chosen) -> str:
    """What blocks and no machine can mend, so that nobody takes the rest for all of it."""
    blocking = [
        f"#   {check} at {about}\n" for severity, check, about in dict.fromkeys(chosen.left) if severity == "blocking"
    ]
    return "".join(["# Still failed and blocking, for a person to mend:\n", *blocking]) if blocking else ""


def _documents(objects: Iterable[Any]) -> str:
    return "---\n".join(_yaml(one) for one in objects)


def _yaml(value: Any) -> str:
    return str(yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100))
