"""What several sources say of one application becomes one tree: the first wins, and who disagrees is named."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.artefacts import Node, node_of
from runbook_lib.judge.inventory.merge import merge, merge_all, origin, with_more


def told(file: str, value: dict[str, Any], line: int = 1) -> Node:
    return node_of(value, f"/some/where/{file}", line)


PROFILE = told("profile.yaml", {"application": "orders", "owner": "shop", "runtime": {"language": "java"}}, 3)
TABLE = told("cmdb.csv", {"application": "orders", "owner": "Shop ", "runtime": {"language": "go", "version": 8}}, 12)


def test_the_first_source_wins_and_what_only_another_knows_is_added_with_its_origin() -> None:
    node = merge([PROFILE, TABLE]).node
    assert node.plain() == {"application": "orders", "owner": "shop", "runtime": {"language": "java", "version": 8}}
    assert [origin(node.get("runtime", key)) for key in ("language", "version")] == ["profile.yaml:3", "cmdb.csv:12"]


def test_conflicts_name_both_values_and_both_origins() -> None:
    (conflict,) = merge([PROFILE, TABLE]).conflicts
    assert (conflict.key, conflict.value, conflict.origin) == ("runtime.language", "java", "profile.yaml:3")
    assert (conflict.other, conflict.other_origin) == ("go", "cmdb.csv:12")


def test_the_same_said_in_other_words_is_no_conflict() -> None:
    one = {"port": 8080, "kind": "Web Service", "operations": {"instances": ["vm-1", "vm-2"]}, "databases": "orders"}
    same = {
        "port": "8080",
        "kind": "ｗeb  service",
        "operations": {"instances": ["VM-2", "vm-1"]},
        "databases": ["orders"],
    }
    assert merge([told("a", one), told("b", same)]).conflicts == ()


def test_a_list_is_taken_whole_and_another_one_is_a_conflict() -> None:
    one, other = ({"operations": {"instances": names}} for names in (["vm-1"], ["vm-1", "vm-2"]))
    merged = merge([told("a", one), told("b", other)])
    assert merged.node.plain() == one
    assert [(c.key, c.value, c.other) for c in merged.conflicts] == [("operations.instances", "vm-1", "vm-1, vm-2")]


def test_dependencies_are_compared_by_their_names() -> None:
    detailed = {"dependencies": [{"name": "stock", "kind": "http", "grant": "by address"}]}
    assert merge([told("a", detailed), told("b", {"dependencies": [{"name": "Stock"}]})]).conflicts == ()


def test_an_empty_value_says_nothing() -> None:
    merged = merge(
        [told("a", {"owner": "", "databases": [], "port": float("nan")}), told("b", {"owner": "shop", "port": 1})]
    )
    assert merged.node.plain() == {"owner": "shop", "databases": [], "port": 1}
    assert merged.conflicts == ()


def test_a_mapping_against_a_plain_value_is_a_conflict_and_not_an_error() -> None:
    merged = merge([told("a", {"runtime": "java"}), told("b", {"runtime": {"language": "java"}}), Node([1]), Node()])
    assert (merged.node.plain(), [c.other for c in merged.conflicts]) == ({"runtime": "java"}, ["language java"])


def test_an_application_is_one_however_it_is_written_and_keeps_the_first_spelling() -> None:
    merged = merge_all(
        [[told("a", {"application": "订单服务"}), told("a", {"application": "ＳＴＯＣＫ service"})],
         [told("b", {"application": "Stock  Service", "owner": "x"}), told("b", {"application": ""}), Node()]]
    )  # fmt: skip
    assert list(merged) == ["订单服务", "ＳＴＯＣＫ service"]
    assert merged["ＳＴＯＣＫ service"].node.get("owner").text() == "x"
    assert all(one.conflicts == () for one in merged.values())


def test_a_source_that_comes_later_keeps_what_was_in_conflict() -> None:
    before = merge_all([[PROFILE], [TABLE]])
    seen = told("Prometheus", {"application": "Orders", "runtime": {"language": "java", "threads": 87}}, 0)
    after = with_more(before, [seen, told("facts", {"application": "stock"}), Node()])
    assert list(after) == ["orders", "stock"]
    assert after["orders"].conflicts == before["orders"].conflicts
    assert origin(after["orders"].node.get("runtime", "threads")) == "Prometheus"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), values, max_size=3), max_size=4))
def test_whatever_is_said_merging_holds_and_a_tree_has_no_conflict_with_itself(
    sources: list[dict[str, Any]],
) -> None:
    trees = [told(f"{number}", source) for number, source in enumerate(sources)]
    merge(trees)
    for tree in trees:
        twice = merge([tree, tree])
        assert twice.conflicts == ()
        assert repr(twice.node.plain()) == repr(tree.plain())
