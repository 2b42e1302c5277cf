"""The list of a large archive in a real browser: pages, sharing, keyboard, hostile and broken lines, no JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from runbook_lib.pages import index, views
from tests.browser.conftest import Screen

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028alert(1)\u2029'\"`${1}\\\n*/ //"
OUTCOMES = ("passed", "failed", "rolled_back")


def line(number: int, **more: Any) -> index.Entry:
    """What the list holds of an attempt that began that many minutes after noon."""
    at = f"2026-11-{20 + number // 720:02}T{12 + number // 60 % 12:02}:{number % 60:02}:00.000Z"
    names = {"application": f"shop-{number % 9}", "run": f"run-{number:03}", "phase": "gray_stage", "mode": ""}
    told = {"outcome": OUTCOMES[number % 3], "message": f"number {number}", "who": "olga", "notebook": True}
    return {
        **names,
        **told,
        "attempt": 1,
        "weight": 5,
        "dry_run": False,
        "started": at,
        "ended": at,
        "seconds": 3,
        **more,
    }


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A list of 450 attempts."""
    views.write(tmp_path)
    with index.rewriting(tmp_path) as rewrite:
        rewrite([line(number) for number in range(450)])
    return tmp_path


def address(records: Path, state: str = "") -> str:
    return (records / "index.html").as_uri() + state


def test_a_long_list_is_turned_by_pages_and_its_state_can_be_shared(records: Path, screen: Screen) -> None:
    page, rows = screen.page, screen.page.locator("#rows tr")
    page.goto(address(records))
    expect(rows).to_have_count(200)
    expect(rows.first).to_contain_text("number 449")
    page.get_by_role("button", name="next").first.click()
    expect(page.get_by_text("page 2 of 3").first).to_be_visible()
    page.get_by_role("button", name="started").click()
    expect(rows.first).to_contain_text("number 0")
    page.locator("[data-outcome=failed]").click()
    page.get_by_label("application").fill("shop-1")
    expect(rows).to_have_count(50)
    shared = page.url
    page.goto("about:blank")
    page.goto(shared)
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("number 1")
    expect(page.get_by_label("application")).to_have_value("shop-1")
    assert screen.complaints == []


def test_the_keyboard_is_enough(records: Path, screen: Screen) -> None:
    page = screen.page
    page.goto(address(records))
    page.keyboard.press("/")
    page.keyboard.type('"number 17"')
    expect(page.locator("#rows tr")).to_have_count(11)  # 17, 170 … 179
    page.locator("[data-outcome=failed]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-outcome=failed]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-outcome=failed]")).to_be_focused()
    page.locator("#rows a").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "notebook"


def test_what_a_line_says_is_text_and_leads_nowhere_else(records: Path, screen: Screen) -> None:
    keys = ("application", "run", "phase", "mode", "outcome", "message", "who")
    index.append(records, line(700, **dict.fromkeys(keys, HOSTILE)))
    index.append(records, line(701, application="javascript:alert(1)//", run="..", message=HOSTILE))
    index.append(records, {"application": "shop", "run": "x", "attempt": 1})
    dialogs: list[str] = []
    screen.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    screen.page.goto(address(records))
    expect(screen.page.locator("#rows tr")).to_have_count(200)
    expect(screen.page.locator("#rows tr").nth(1)).to_contain_text("<img src=x onerror=alert(1)>")
    expect(screen.page.get_by_role("alert")).to_contain_text("1 lines of index.js are damaged and left out")
    assert screen.page.locator("#rows img").count() == 0
    links = screen.page.eval_on_selector_all("#rows a", "links => links.map(link => link.href)")
    assert [link for link in links if not link.startswith("file://")] == []
    assert (dialogs, screen.complaints) == ([], [])


def test_a_line_that_a_crash_tore_costs_no_other(records: Path, screen: Screen) -> None:
    path = records / index.NAME
    whole = path.read_bytes()
    index.append(records, line(800))
    path.write_bytes(path.read_bytes()[: len(whole) + 60].replace(b"//\nattempt", b"// attempt"))
    index.append(records, line(801))
    screen.page.goto(address(records))
    expect(screen.page.get_by_text("451 attempts").first).to_be_visible()
    expect(screen.page.locator("#rows tr").first).to_contain_text("number 801")
    assert screen.complaints == []


@pytest.mark.parametrize("spoil", [lambda p: p.write_bytes(p.read_bytes() + b"\noops("), Path.unlink])
def test_a_list_that_cannot_be_read_says_so_and_what_to_do(records: Path, screen: Screen, spoil: Any) -> None:
    spoil(records / index.NAME)
    screen.page.goto(address(records))
    expect(screen.page.get_by_role("alert")).to_contain_text("“runbook records” writes it anew")
    expect(screen.page.locator("#filter")).to_be_hidden()


def test_without_javascript_it_says_where_to_look(records: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(records))
    expect(page.get_by_text("open a run's own page")).to_be_visible()
    expect(page.locator("#filter")).to_be_hidden()
    context.close()
