"""What hangs on the old side is found in nginx, or put on the list."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.observe.old_side.leftovers import Leftover, behind, jobs, owned, to_be_asked, upstreams
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.traffic import Command as CommandKnob
from runbook_lib.sections.traffic import HAProxy, NginxSplit, Remote

MACHINES = [LegacyInstance(name=f"vm-{n}", url=f"http://10.0.0.1{n}:8080") for n in (1, 2)]
CONFIG = """events {}
http {
    upstream legacy {
        server 10.0.0.11:8080;
        server 10.0.0.12:8080 max_fails=0;
    }
    upstream kubernetes { server 10.0.0.40:80; }
    server { listen 80; location / { proxy_pass http://legacy; } }
}
"""


def test_upstream_entries_of_the_machines_are_found_with_their_line(tmp_path: Path) -> None:
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG, encoding="utf-8")
    assert upstreams(config, MACHINES) == [
        Leftover("upstream entry", "nginx.conf:4 in upstream legacy", "vm-1", True),
        Leftover("upstream entry", "nginx.conf:5 in upstream legacy", "vm-2", True),
    ]


def test_what_cannot_be_read_is_on_the_list_and_says_so() -> None:
    asked = to_be_asked(MACHINES)
    assert {one.what for one in asked} == {"firewall rules", "DNS records", "backups"}
    assert not any(one.found for one in asked)
    assert "10.0.0.11, 10.0.0.12" in asked[0].where


def test_behind_nginx_of_this_machine_entries_are_read_and_behind_any_other_knob_somebody_has_to_look(
    tmp_path: Path,
) -> None:
    (tmp_path / "nginx.conf").write_text(CONFIG, encoding="utf-8")
    nginx = NginxSplit(kind="nginx-split", config="nginx.conf", variable="$side", test=["true"], reload=["true"])
    assert [one.found for one in behind(nginx, tmp_path.joinpath, MACHINES)] == [True, True]
    elsewhere = nginx.model_copy(update={"machine": Remote(host="front-1")})
    registry = CommandKnob(kind="command", read=["true"], write=["set", "{weight}"])
    for knob in (elsewhere, registry):
        asked = behind(knob, tmp_path.joinpath, MACHINES)
        assert [(one.concerns, one.found) for one in asked] == [("vm-1", False), ("vm-2", False)]
        assert knob.kind in asked[0].where
    proxy = HAProxy(kind="haproxy", socket="/run/haproxy.sock", backend="orders", legacy=["vm-1"], kubernetes=["new"])
    assert behind(proxy, tmp_path.joinpath, MACHINES) == [
        Leftover("backend entry", "orders, HAProxy at /run/haproxy.sock", "vm-1", True)
    ]


def test_scheduled_jobs_are_listed_unless_they_are_settled() -> None:
    known = {"vm-1": ["0 3 * * * clean_up.sh", "15 2 * * * export.sh"]}
    assert [one.where for one in jobs(known, ["clean_up"])] == ["15 2 * * * export.sh (host facts of the assessment)"]


def test_each_thing_gets_the_owner_of_its_kind_or_none() -> None:
    found = owned(to_be_asked(MACHINES, saved=True), {"firewall rules": "network team"})
    assert [(one.what, one.owner) for one in found] == [("firewall rules", "network team"), ("DNS records", "")]
