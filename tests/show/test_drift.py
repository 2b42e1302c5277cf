"""Pictures of drift stay readable however many hosts there are."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from runbook_lib.artefacts import Host
from runbook_lib.judge.drift import compare_hosts
from runbook_lib.show.drift import COLUMNS, columns_of, drift_map, drift_table, label


def host(number: int, **facts: object) -> Host:
    return Host(f"vm-{number}", {"architecture": "x86_64", **facts}, "f")


def heads(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_xticklabels()]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_hosts_that_are_alike_share_a_column_and_the_odd_ones_have_their_names() -> None:
    hosts = [host(n, kernel="4" if n in (7, 21) else "3", fips=n == 33) for n in range(1, 61)]
    drifts = compare_hosts(hosts)
    assert [one.names for one in columns_of(drifts)][1:] == [("vm-7", "vm-21"), ("vm-33",)]
    figure = drift_map(drifts)
    assert heads(figure) == ["most hosts\nvm-1\nand 56 alike", "vm-7\nvm-21", "vm-33"]
    assert words(figure).count("4") == 1


def test_many_kinds_of_hosts_become_one_column_that_counts_them() -> None:
    hosts = [host(n, kernel=str(n), fips=n > 30) for n in range(60)]
    figure = drift_map(compare_hosts(hosts))
    assert len(heads(figure)) == COLUMNS + 1
    assert heads(figure)[-1] == "and 53 more\nin 53 kinds"
    assert any(text.endswith("of them") for text in words(figure))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 60])
def test_a_picture_comes_of_any_number_of_hosts(count: int) -> None:
    drift_map(compare_hosts([host(n, kernel="3") for n in range(count)])).canvas.draw()


def test_two_hosts_that_differ_have_no_majority() -> None:
    figure = drift_map(compare_hosts([host(1, kernel="3"), host(2, kernel="4")]))
    assert heads(figure) == ["most hosts\nvm-2", "vm-1"]
    assert "4 (no majority)" in words(figure)


def test_what_is_unknown_has_a_sign_of_its_own() -> None:
    figure = drift_map(compare_hosts([host(1, kernel="3"), host(2, kernel="3"), host(3)]))
    assert heads(figure)[1:] == ["vm-3"]
    assert "?" in words(figure)


def test_what_the_picture_leaves_away_is_said() -> None:
    hosts = [host(n, kernel=str(n == 0), fips=n == 0, memtotal_mb=99) for n in range(3)]
    assert drift_map(compare_hosts(hosts), limit=1).axes[0].get_xlabel() == (
        "not shown: 1 lighter ones that differ and 2 that agree"
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["vm-2"], "vm-2"),
        (["vm-10", "vm-9"], "vm-9\nvm-10"),
        (["b", "a", "c"], "a\nb\nc"),
        (["vm-11", "vm-9", "vm-10", "vm-12"], "vm-9\nand 3 alike"),
    ],
)
def test_few_names_are_all_told_and_of_many_the_first(names: list[str], said: str) -> None:
    assert label(names) == said


def test_the_table_gathers_those_with_the_same_value_and_escapes_what_facts_say() -> None:
    hosts = [host(n, local={"timezone": "<b>" if n > 3 else "UTC"}) for n in range(10)]
    table = drift_table(compare_hosts([*hosts, host(11)])).to_html()
    assert "vm-0, vm-1, vm-2, vm-3: Etc/UTC; vm-11: nothing on record" in table
    assert "&lt;b&gt;" in table
    assert "<b>" not in table


def test_what_looks_like_a_secret_is_not_drawn() -> None:
    options = {"options": "-Xmx1g -Ddb.password=Sup3rSecret99"}
    figure = drift_map(
        compare_hosts([host(1, local={"java": {"options": "-Xmx1g"}}), host(2, local={"java": options})])
    )
    assert "Sup3r" not in " ".join(words(figure))
