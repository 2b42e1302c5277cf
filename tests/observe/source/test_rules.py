"""The rules, as data: each does what its own samples say, and one of the user's own that is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from runbook_lib.errors import BadParameters
from runbook_lib.judge.workload.answers import ANSWERS
from runbook_lib.observe.source.match import scan_text
from runbook_lib.observe.source.rules import BUILT_IN, FILES, TOPICS, read_rules
from runbook_lib.observe.source.samples import unproven

OWN = Path(__file__).parent / "own_rules"
RULES = read_rules([OWN])
PLAYED = [(rule, kind, n) for rule in RULES for kind in ("finds", "passes") for n in range(len(getattr(rule, kind)))]
WHOLE = {
    "id": "own",
    "title": "t",
    "topic": "session",
    "language": "python",
    "match": {"pattern": "keep($A)"},
    "samples": {"finds": ["keep(a)"], "passes": ["drop(a)"]},
}


@pytest.mark.parametrize(("rule", "kind", "number"), PLAYED, ids=[f"{rule.id}-{kind}-{n}" for rule, kind, n in PLAYED])
def test_a_rule_does_what_its_sample_says(rule, kind, number) -> None:  # type: ignore[no-untyped-def]
    text = getattr(rule, kind)[number]
    one = yaml.safe_load(yaml.safe_dump(text))
    markup = text.lstrip().startswith("<") and next((p for p in rule.files if p.endswith(".xml")), None)
    found = scan_text(one, (markup or rule.files[0]).replace("*", "sample"), [rule])
    assert bool(found) is (kind == "finds")
    assert all(item.rule.id == rule.id for item in found)


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_a_rule_has_two_samples_of_each_kind(rule) -> None:  # type: ignore[no-untyped-def]
    assert min(len(set(rule.finds)), len(set(rule.passes))) >= 2
    assert not set(rule.finds) & set(rule.passes)


def test_every_language_has_a_file_of_rules_and_every_topic_is_used() -> None:
    assert {path.stem for path in BUILT_IN.glob("*.yaml")} == {*FILES, "topics"} - {"typescript"}
    topics = set(yaml.safe_load((BUILT_IN / TOPICS).read_text()))
    assert topics == {rule.topic for rule in read_rules()}
    assert set(ANSWERS) <= topics


def test_the_secret_of_a_sample_is_in_no_evidence() -> None:
    for rule in RULES:
        for text in rule.finds:
            name = rule.files[0].replace("*", "sample")
            assert not [e for e in scan_text(text, name, [rule]) if "hunter2" in e.text + e.captured], rule.id


def test_a_rule_of_the_users_own_stands_beside_those_that_come_along() -> None:
    own = {rule.id for rule in RULES} - {rule.id for rule in read_rules()}
    assert own == {"house-job-runner", "house-license-key"}
    assert next(rule.reason for rule in RULES if rule.id == "house-job-runner").startswith("With several replicas")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b\n", "must be a list"),
        ("- id: x\n", "x lacks"),
        ("- [", r"own.yaml:\d is not YAML"),
        ({"severity": "grave"}, "grave"),
        ({"language": "text", "match": "(", "files": ["*.conf"]}, "own.match is not a regular expression"),
        ({"language": "text", "match": "a"}, "own.files must name"),
        ({"match": {"patern": "a"}}, "patern"),
        ({"match": {"kind": "no_such_kind"}}, "own.match is no rule for python"),
        ({"words": "keep"}, "own.words must be a list"),
        ({"once": "yes"}, "own.once must be true or false"),
        ({"samples": {"finds": []}}, "own.samples must be"),
        ({"samples": {"finds": ["drop(a)"], "passes": ["x"]}}, "own does not find its own sample 'drop.a.'"),
        ({"samples": {"finds": ["keep(a)"], "passes": ["keep(b)"]}}, "own finds its own sample 'keep.b.'"),
        ({"words": ["other"]}, "own does not find its own sample"),
        ({"topic": "house"}, "own lacks .*reason"),
        ({"id": "java-mail"}, "own.yaml: java-mail is there twice, also in .*java.yaml; rename one"),
    ],
)  # fmt: skip
def test_a_rule_of_the_users_own_that_is_wrong_is_named(tmp_path: Path, text: object, message: str) -> None:
    (tmp_path / "own.yaml").write_text(text if isinstance(text, str) else yaml.safe_dump([WHOLE | text]))  # type: ignore[operator]
    with pytest.raises(BadParameters, match=message):
        read_rules([tmp_path])


def test_a_folder_without_rules_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="no rules"):
        read_rules([tmp_path / "nothing"])


def test_a_topic_of_the_users_own_needs_all_of_its_words(tmp_path: Path) -> None:
    (tmp_path / "topics.yaml").write_text("house: {severity: info, reason: r}\n")
    with pytest.raises(BadParameters, match="house must have"):
        read_rules([tmp_path])
    (tmp_path / "topics.yaml").write_text("house: {severity: info, reason: r, change: c, control: o}\n")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump([WHOLE | {"topic": "house"}]))
    assert unproven(read_rules([tmp_path])[-1:]) == ()
    assert read_rules([tmp_path])[-1].control == "o"
