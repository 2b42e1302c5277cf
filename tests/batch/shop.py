"""Ten applications that use each other, each behind an nginx that is a file; Prometheus and the cluster are gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from throwaway import make_project

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.parameters import load
from runbook_lib.record import archive

DEPENDS_ON: dict[str, list[str]] = {
    "web": ["cart", "search"],
    "app": ["cart", "search", "account"],
    "cart": ["order", "stock"],
    "search": ["catalogue"],
    "order": ["payment", "stock"],
    "account": [],
    "payment": ["ledger"],
    "stock": ["catalogue"],
    "catalogue": [],
    "ledger": [],
}
MOVED = "split_clients $request_id $side { 30% kubernetes; * legacy; }\n"
BACK = "split_clients $request_id $side { * legacy; }\n"


@dataclass(frozen=True)
class Shop:
    """A project with a batch; the test has changed into its folder."""

    folder: Path
    names: tuple[str, ...]

    @property
    def file(self) -> Path:
        return self.folder / "parameters" / "wave.yaml"

    def nginx(self, name: str) -> Path:
        return self.folder / f"{name}.conf"

    def set(self, name: str, **keys: Any) -> None:
        """Other values in a member's parameters, ``a__b=value`` for a.b."""
        path = self.folder / "parameters" / f"{name}.yaml"
        data = yaml.safe_load(path.read_text())
        for key, value in keys.items():
            *way, last = key.split("__")
            place = data
            for part in way:
                place = place[part]
            place[last] = value
        path.write_text(yaml.safe_dump(data))

    def weights(self) -> dict[str, int]:
        found = {name: load(self.folder / "parameters" / f"{name}.yaml") for name in self.names}
        return {name: read_weight(connect(p)) for name, p in found.items()}

    def attempts(self, name: str) -> list[archive.Attempt]:
        return archive.attempts(self.folder / "records", name)


def make_shop(folder: Path, depends_on: dict[str, list[str]] | None = None) -> Shop:
    """The batch ``wave`` over these applications, 30 % of the users of each on the new side."""
    depends_on = DEPENDS_ON if depends_on is None else depends_on
    make_project(folder)
    data = yaml.safe_load((folder / "parameters" / "demo.yaml").read_text())
    data["prometheus"]["url"] = "http://127.0.0.1:1"
    data["metrics"]["scrape"] = "5ms"
    data["traffic"]["split_patience"] = "5ms"
    data["legacy"]["instances"] = []
    shop = Shop(folder, tuple(depends_on))
    for name in depends_on:
        data["application"]["name"] = name
        data["traffic"]["knob"] = {
            "kind": "nginx-split",
            "config": f"{name}.conf",
            "variable": "$side",
            "test": ["true"],
            "reload": ["true"],
        }
        (folder / "parameters" / f"{name}.yaml").write_text(yaml.safe_dump(data))
        shop.nginx(name).write_text(MOVED)
    members = {name: {"parameters": f"parameters/{name}.yaml", "depends_on": on} for name, on in depends_on.items()}
    shop.file.write_text(yaml.safe_dump({"name": "wave", "members": members}, sort_keys=False))
    return shop
