"""Who depends on whom and who shares a database, from the profiles of all."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.artefacts import Node, node_of
from runbook_lib.judge.migration import decide
from runbook_lib.judge.waves import candidate, links


def trees(**profiles: dict[str, Any]) -> dict[str, Node]:
    return {name: node_of({"application": name, **profile}) for name, profile in profiles.items()}


def test_a_dependency_is_told_by_either_end() -> None:
    known = links(
        trees(shop={"dependencies": [{"name": "order"}]}, order={}, stock={"dependents": [{"name": "order"}]})
    )
    assert known.depends_on == {"shop": ("order",), "order": ("stock",), "stock": ()}
    assert known.dependents == {"order": ("shop",), "stock": ("order",)}


@pytest.mark.parametrize("written", ["order; stock", "order,stock", "order、stock", ["order", "stock"]])
def test_names_are_read_from_a_list_or_from_one_text(written: object) -> None:
    assert links(trees(shop={"dependencies": written}, order={}, stock={})).depends_on["shop"] == ("order", "stock")


def test_a_name_is_found_without_regard_to_case_where_that_is_plain() -> None:
    known = links(trees(shop={"dependencies": ["ORDER ", "Stock"]}, order={}, stock={}, STOCK={}))
    assert known.depends_on["shop"] == ("Stock", "order")


def test_a_database_is_no_application_and_one_nobody_knows_stays_as_it_is_written() -> None:
    dependencies = [
        {"name": "orders", "kind": "database", "address": "10.0.0.1:5432"},
        {"name": "sessions", "kind": "redis"},
        {"name": "ghost", "kind": "http"},
    ]
    known = links(trees(shop={"dependencies": dependencies}))
    assert (known.depends_on["shop"], known.databases["shop"]) == (("ghost",), ("10.0.0.1:5432",))


def test_those_with_one_database_are_told_of_each_other() -> None:
    stated = [{"name": "their name for it", "kind": "mysql", "address": "10.0.0.1:3306"}]
    known = links(trees(a={"dependencies": stated}, b={"databases": "10.0.0.1:3306"}, c={}))
    assert (known.sharing("a"), known.sharing("b"), known.sharing("c")) == (("b",), ("a",), None)


def test_nobody_depends_on_it_is_known_only_where_dependencies_are_on_record() -> None:
    assert links(trees(a={}, b={})).dependents_of("a") is None
    known = links(trees(a={"dependencies": ["b"]}, b={}))
    assert (known.dependents_of("a"), known.dependents_of("b")) == (0, 1)


def test_databases_alone_do_not_say_who_depends_on_whom() -> None:
    known = links(trees(a={"databases": "orders"}, b={"databases": "stock"}))
    assert (known.dependents_of("a"), known.sharing("a")) == (None, ())


def test_a_database_without_name_and_address_is_nobody_elses() -> None:
    known = links(trees(a={"dependencies": [{"kind": "mysql"}]}, b={"dependencies": [{"kind": "mysql"}]}))
    assert (known.databases["a"], known.sharing("a")) == ((), ())


def test_who_calls_itself_is_no_dependent_of_itself() -> None:
    assert links(trees(a={"dependencies": ["a"]})).dependents_of("a") == 0


def test_a_candidate_has_what_the_plan_looks_at() -> None:
    all_ = trees(a={"dependencies": ["b"], "criticality": "high", "owner": "shop", "databases": ["d"]}, b={})
    one = candidate("a", all_["a"], decide([], 9), links(all_))
    assert (one.depends_on, one.databases, one.criticality, one.owner) == (("b",), ("d",), "high", "shop")
    assert (one.level, one.risk) == ("Excellent", "high")
