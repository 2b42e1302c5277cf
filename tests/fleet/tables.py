"""Writes what people wrote down: the table of a CMDB as it is exported, and a page of YAML for some applications."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from .plan import Draft

COLUMNS = {
    "application": "应用名称",
    "owner": "负责人",
    "kind": "应用类型",
    "criticality": "重要等级",
    "environment": "环境",
    "business_line": "业务线",
    "port": "端口",
    "runtime.language": "开发语言",
    "operations.instances": "主机名",
    "dependencies": "依赖应用",
    "databases": "数据库",
}
"""Key of the profile -> header; the table has columns that nobody asked for, too."""
HEADER = ("资产编号", *COLUMNS.values(), "备注")
Rows = Iterator[tuple[str, ...]]


def rows(
    drafts: Iterable[Draft], hosts: dict[int, list[str]], uses: dict[int, list[str]], stores: dict[int, list[str]]
) -> Rows:
    """A line a host, as a CMDB of machines has them: what is said of the application is said again in each."""
    for draft in drafts:
        kind = "database" if draft.story == "database" else "cache" if draft.story == "a cache" else "web service"
        port = draft.port + 1000 if "port" in draft.conflicts else draft.port
        stated = "" if states_uses(draft) else "、".join(uses[draft.number])
        for position, host in enumerate(hosts[draft.number] or [""]):
            yield (
                f"VM{draft.number:05}{position}", draft.name, draft.owner or "", kind, draft.criticality, "生产",
                draft.line, str(port), draft.language, host, stated, "、".join(stores[draft.number]),
                "待回收" if draft.number % 50 == 49 else "",
            )  # fmt: skip


def write_csv(path: Path, lines: Iterable[tuple[str, ...]]) -> None:
    """As Excel on a Chinese Windows saves it: GBK, CRLF."""
    with path.open("w", encoding="gbk", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(lines)


def write_workbook(path: Path, lines: Iterable[tuple[str, ...]]) -> None:
    """The same as .xlsx, with numbers as numbers and a first sheet that is about something else."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["导出时间", "2026-11-19"])
    sheet = book.create_sheet("应用清单")
    sheet.append(HEADER)
    for line in lines:
        sheet.append([int(cell) if cell.isdigit() else cell or None for cell in line])
    book.save(path)


def states_uses(draft: Draft) -> bool:
    """Whether the profile, not the table, says what the application calls."""
    return draft.has_profile and draft.number % 6 == 0


def write_profile(path: Path, draft: Draft, uses: Iterable[str]) -> None:
    """What the team of an application filled in; for most of them less than there is to know."""
    owner = f"{draft.owner} (old)" if "owner" in draft.conflicts else draft.owner
    page: dict[str, Any] = {"application": draft.name}
    if owner:
        page["owner"] = owner
    page["runtime"] = {"language": draft.language, "start_seconds": 5 + draft.number % 40, "drain_seconds": 8}
    if draft.story == "shared sessions":
        page["state"] = {"sessions": {"store": "redis", "shared": True}}
    if draft.story == "decided files":
        page["state"] = {"files": [{"path": "/data", "what": "what it writes", "goes to": "object store"}]}
    if states_uses(draft):
        page["dependencies"] = [{"name": name, "kind": "http", "grant": "by address"} for name in uses]
    page["releases"] = {"per_month": 1 + draft.number % 6, "minutes_before": 14, "success_rate": 0.91}
    text = yaml.safe_dump(page, allow_unicode=True, sort_keys=False)
    path.write_text(f"# {draft.name}\n{text}", encoding="utf-8")
