"""Every check against its samples: what must fail, what must pass, and the damage that turns one into the other.

``samples/<topic>.yaml`` is a list with an entry for each check: at least two ``fails``, two ``passes``, one mutation.

    - check: readiness-probe            # the id
      fails:                            # FAIL, of this check, at the right object, on a line that is there
        - name: no probe at all         # unique among the samples of the check
          manifests: |                  # one file's text; left out: good.yaml with its Dockerfile and assessment
            apiVersion: apps/v1
            ...
          expect: no readinessProbe     # must stand in the message
          object: Deployment/shop       # how the finding's object begins; left out: the first object of the manifests
          at: "name: web"               # optional: must stand in the line that the finding names
          severity: warning             # optional: the severity that the finding must have
          assessed: {start_seconds: 40, demands: [{topic: cron, severity: blocking, control: a CronJob}]}    # optional
          dockerfile: "FROM scratch\\n"  # optional
          policy: {registries: [registry.example]}                                                           # optional
          kubernetes: "1.31"            # optional: the cluster's version, whose schemas are then at hand
          fill: 300000                  # optional: FILL in the manifests, or in a change, is that many letters
      passes:                           # at least one PASS of this check, nothing else of it
        - name: an HTTP probe
          manifests: ...
      unknown:                          # optional: INCONCLUSIVE and no FAIL; the same keys as under fails
      silent:                           # optional: the check does not apply and finds nothing
      mutations:                        # of a passing sample: exactly this check begins to fail, no other one changes
        - from: an HTTP probe           # name of a sample under passes of the same check
          change:                       # path: value; null takes it away, a mapping is merged (RFC 7396), [+] appends
            spec.template.spec.containers[0].readinessProbe: null
            metadata.annotations[example.org/key]: "a key that has dots stands in brackets"
          object: Service/shop          # optional: the object that is changed; left out: the first one
          remove: Service/shop          # optional: an object that is taken away (instead of or beside change)
          fails: [readiness-probe]      # left out: the check itself
          also: [probes-identical]      # optional: checks that rightly change with it
          becomes: INCONCLUSIVE         # optional: what a check comes to that asks and never fails; left out: FAIL
          assessed, dockerfile, policy, kubernetes, application  # optional: in place of the sample's

``lacking.txt`` names the checks that have no samples yet. It may only get shorter: a new check brings its samples.
"""

from __future__ import annotations

import copy
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.artefacts import Assessed, Demanded, Manifests, Policy
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.judge.workload.judge import CHECKS, check_manifests
from runbook_lib.judge.workload.mend import working
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.manifests import parse_manifests
from runbook_lib.observe.files.schemas import read_schemas
from runbook_lib.redact import Redactor

HERE = Path(__file__).parent
SOUND = {
    "manifests": (HERE / "good.yaml").read_text(),
    "dockerfile": 'FROM registry.example/base:1.2\nUSER 10001\nEXPOSE 8080\nENTRYPOINT ["/shop"]\n',
    "assessed": {
        "ports": [8080],
        "start_seconds": 40.0,
        "drain_seconds": 20.0,
        "cpu_request": 0.2,
        "memory_mib": 500.0,
        "replicas": 6,
        "time_zone": "Asia/Shanghai",
        "rpo_seconds": 86400.0,
    },
}
LACKING = set((HERE / "lacking.txt").read_text().split())
# What sets an option of Java may be the image or a word of the command, which overrules the variable that is patched.
OVERRULED = {"java-heap", "java-flags"}
STEP = re.compile(r"\[([^\]]+)\]|([^.\[\]]+)")

Sample = dict[str, Any]


def _samples() -> dict[str, Sample]:
    """The entries of all topics by check; an id given twice is joined."""
    found: dict[str, Sample] = {}
    for file in sorted((HERE / "samples").glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text()) or ():
            mine = found.setdefault(entry["check"], {})
            for key in ("fails", "passes", "unknown", "silent", "mutations"):
                mine[key] = mine.get(key, []) + [_filled(sample) for sample in entry.get(key) or []]
    return found


def _filled(sample: Sample) -> Sample:
    """The sample with FILL as long as it says: what is too large is not written down in full."""
    letters = "x" * sample.get("fill", 0)
    filled = {key: sample[key].replace("FILL", letters) for key in ("manifests",) if letters and key in sample}
    if letters and "change" in sample:
        filled["change"] = {path: letters if value == "FILL" else value for path, value in sample["change"].items()}
    return sample | filled


SAMPLES = _samples()


def _cases(key: str) -> list[Any]:
    return [
        pytest.param(check, sample, id=f"{check}-{sample.get('name') or sample['from'] + '-' + str(number)}")
        for check, entry in SAMPLES.items()
        for number, sample in enumerate(entry[key])
    ]


def judged(sample: Sample) -> list[Finding]:
    """All findings for a sample, with the sound set where it names no manifests of its own."""
    world, manifests = _read(sample)
    return list(check_manifests(world, manifests).findings)


def _read(sample: Sample) -> tuple[World, Manifests]:
    sample = sample if "manifests" in sample else SOUND | sample
    manifests = parse_manifests(sample["manifests"], "sample.yaml")
    dockerfile = parse_dockerfile(sample["dockerfile"], "Dockerfile") if sample.get("dockerfile") else None
    schemas = read_schemas(manifests.resources, sample["kubernetes"]) if "kubernetes" in sample else None
    assessed = _assessed(sample.get("assessed") or {})
    application = sample.get("application", "")
    world = World(manifests.resources, dockerfile, assessed, _policy(sample), schemas=schemas, application=application)
    return world, manifests


def _assessed(given: dict[str, Any]) -> Assessed:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    demands = [{k: tuple(v) if isinstance(v, list) else v for k, v in one.items()} for one in fields.pop("demands", ())]
    return Assessed(**fields, demands=tuple(Demanded(**one) for one in demands))


def _policy(sample: Sample) -> Policy:
    given = sample.get("policy") or {}
    return Policy(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})


def _own(check: str, sample: Sample) -> list[Finding]:
    return [finding for finding in judged(sample) if finding.check == check]


def _expected(found: list[Finding], sample: Sample, outcome: Outcome) -> None:
    """One finding with that outcome says what the sample expects, where it expects it."""
    text = sample.get("manifests", SOUND["manifests"])
    begin = sample.get("object") or parse_manifests(text, "sample.yaml").resources[0].title
    fitting = [
        f for f in found if f.outcome is outcome and f.object.startswith(begin) and sample["expect"] in f.message
    ]
    assert fitting, [(f.outcome.name, f.object, f.message) for f in found]
    # a line may end after any word, and what then looks like a key and its value would be blotted out
    wrapped = re.sub(r": (\S+) ", r": \1\n", fitting[0].message)
    assert Redactor().text(wrapped) == wrapped
    assert all(f.line > 0 and f.file for f in found), found
    if "severity" in sample:
        assert fitting[0].severity == sample["severity"]
    if "at" in sample:
        lines = [text.splitlines()[f.line - 1] for f in fitting if f.file == "sample.yaml"]
        assert any(sample["at"] in line for line in lines), lines


@pytest.mark.parametrize(("check", "sample"), _cases("fails"))
def test_a_failing_sample_fails_where_it_is_wrong(check: str, sample: Sample) -> None:
    _expected(_own(check, sample), sample, Outcome.FAIL)


@pytest.mark.parametrize(("check", "sample"), _cases("fails"))
def test_every_patch_of_a_failing_sample_makes_its_finding_go_away(check: str, sample: Sample) -> None:
    world, _ = _read(sample)
    whole = next(one for one in CHECKS if one.id == check)
    found = list(whole.judge(world))
    shown = {n for n, seen in enumerate(found) if seen.mend is not None and seen.outcome is Outcome.FAIL}
    if check not in OVERRULED:
        assert [found[n].message for n in sorted(shown - working(world, whole, found))] == []


@pytest.mark.parametrize(("check", "sample"), _cases("passes"))
def test_a_passing_sample_is_seen_and_passes(check: str, sample: Sample) -> None:
    found = _own(check, sample)
    assert found
    assert [f.message for f in found if f.outcome is not Outcome.PASS] == []


@pytest.mark.parametrize(("check", "sample"), _cases("unknown"))
def test_what_cannot_be_answered_is_said_to_be_open(check: str, sample: Sample) -> None:
    found = _own(check, sample)
    assert [f.message for f in found if f.outcome is Outcome.FAIL] == []
    _expected(found, sample, Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(("check", "sample"), _cases("silent"))
def test_where_a_check_does_not_apply_it_says_nothing(check: str, sample: Sample) -> None:
    assert [f.message for f in _own(check, sample)] == []


@pytest.mark.parametrize(("check", "mutation"), _cases("mutations"))
def test_a_damage_makes_exactly_the_check_fail_that_is_about_it(check: str, mutation: Sample) -> None:
    whole = next(sample for sample in SAMPLES[check]["passes"] if sample["name"] == mutation["from"])
    whole = whole if "manifests" in whole else SOUND | whole
    damaged = whole | {
        key: mutation[key]
        for key in ("assessed", "dockerfile", "policy", "kubernetes", "application")
        if key in mutation
    }
    damaged["manifests"] = _changed(whole["manifests"], mutation)
    before, after = _outcomes(judged(whole)), _outcomes(judged(damaged))
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    wanted_outcome = Outcome[mutation.get("becomes", "FAIL")]
    failing = {check for check, object_ in changed if after.get((check, object_)) is wanted_outcome}
    wanted = set(mutation.get("fails") or [check])
    assert wanted <= failing, sorted(failing)
    assert {check for check, _ in changed} - wanted <= set(mutation.get("also") or ()), sorted(changed)


def _outcomes(found: list[Finding]) -> dict[tuple[str, str], Outcome]:
    """The worst outcome by check and object; passing and not applying are the same here: nothing is wrong."""
    result: dict[tuple[str, str], Outcome] = {}
    for finding in found:
        if finding.outcome is not Outcome.PASS:
            key = (finding.check, finding.object)
            result[key] = max(finding.outcome, result.get(key, Outcome.PASS))
    return result


def _changed(text: str, mutation: Sample) -> str:
    """The manifests with one object changed or taken away, and the rest as it was."""
    # a sample may use anchors: without a copy of its own every object that shares a value would change with it
    objects = [copy.deepcopy(one) for one in yaml.safe_load_all(text) if one is not None]
    titles = [f"{one['kind']}/{one['metadata']['name']}" for one in objects]
    if "change" in mutation:
        target = objects[titles.index(mutation["object"]) if "object" in mutation else 0]
        for path, value in mutation["change"].items():
            _set(target, [found[1] or found[2] for found in STEP.finditer(path)], value)
    left = [one for one, name in zip(objects, titles, strict=True) if name != mutation.get("remove")]
    assert "change" in mutation or len(left) < len(objects), "a mutation changes or removes something"
    return str(yaml.safe_dump_all(left, sort_keys=False))


def _set(target: Any, steps: list[str], value: Any) -> None:
    for step, follower in pairwise(steps):
        if isinstance(target, list):
            target = target[int(step)]
        else:
            target = target.setdefault(step, [] if follower == "+" else {})
    last = steps[-1]
    if isinstance(target, list):
        target[:] = [*target, value] if last == "+" else [value if n == int(last) else x for n, x in enumerate(target)]
        if value is None:
            target.remove(None)
    else:
        _merge(target, {last: value})


def _merge(target: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if value is None:
            del target[key]
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


def test_every_check_has_its_samples_or_stands_in_the_list_of_those_that_lack_them() -> None:
    least = {"fails": 2, "passes": 2, "mutations": 1}
    asking = {check: entry | {"fails": entry["fails"] or entry["unknown"]} for check, entry in SAMPLES.items()}
    whole = {check for check, entry in asking.items() if all(len(entry[key]) >= n for key, n in least.items())}
    assert {check.id for check in CHECKS} - whole == LACKING, (
        "a check without samples, or a line of lacking.txt too many"
    )


def test_the_names_of_samples_are_unique_and_their_checks_exist() -> None:
    assert SAMPLES.keys() <= {check.id for check in CHECKS}
    for check, entry in SAMPLES.items():
        names = [sample["name"] for key in ("fails", "passes", "unknown", "silent") for sample in entry[key]]
        assert len(names) == len(set(names)), check


def test_a_change_reaches_what_its_path_names() -> None:
    text = "kind: A\nmetadata: {name: a, annotations: {x.y/z: '1'}}\nspec: {list: [{n: 1}, {n: 2}]}\n"
    change = {"metadata.annotations[x.y/z]": "2", "spec.list[1].n": None, "spec.list[+]": {"n": 3}, "spec.new.deep": 4}
    assert yaml.safe_load(_changed(text, {"change": change})) == {
        "kind": "A",
        "metadata": {"name": "a", "annotations": {"x.y/z": "2"}},
        "spec": {"list": [{"n": 1}, {}, {"n": 3}], "new": {"deep": 4}},
    }
