"""A batch that makes no sense is one sentence, and nothing is begun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.batch.file import Batch, Member, load_batch, read
from runbook_lib.errors import BadParameters
from tests.batch.shop import Shop, make_shop

EXAMPLE = Path(__file__).parents[2] / "parameters" / "batch.example.yaml"
GOOD: dict[str, Any] = {
    "name": "wave",
    "members": {"web": {"parameters": "web.yaml", "depends_on": ["cart"]}, "cart": {"parameters": "cart.yaml"}},
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = make_shop(tmp_path / "project", {"web": ["cart"], "cart": []})
    monkeypatch.chdir(made.folder)
    return made


def test_the_example_is_a_batch_and_explains_every_key() -> None:
    batch = read(EXAMPLE)
    assert batch.members["web-shop"].depends_on == ["order-service", "search"]
    text = EXAMPLE.read_text()
    assert all(f"{key}:" in text for key in (*Batch.model_fields, *Member.model_fields))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"members": {}}, "members: there are none"),
        ({"members": None}, "members: Input should be a valid dictionary"),
        ({"name": "Wave 1"}, "name: String should match pattern"),
        ({"name": "web"}, "name: 'web' is the name of a member"),
        ({"at_once": 0}, "at_once: Input should be greater than or equal to 1, found 0"),
        ({"level": "data"}, "level: this key is not known; see parameters/batch.example.yaml"),
        ({"members": {"web": {}}}, "members.web.parameters: this key is missing"),
        ({"members": {"web": "web.yaml"}}, "members.web: Input should be a valid dictionary"),
        (
            {"members": {"web": {"parameters": "w", "depends_on": ["cart"]}}},
            "'cart' is no member of this batch; member",
        ),
        ({"members": {"web": {"parameters": "w", "depends_on": ["web"]}}}, "members: web -> web depend on each other"),
        (
            {"members": {**GOOD["members"], "cart": {"parameters": "c", "depends_on": ["web"]}}},
            "in a ring, so that none can go first",
        ),
        (
            {"members": {**GOOD["members"], "web": {"parameters": "w", "depends_on": ["cart", "cart"]}}},
            "members.web.depends_on: cart is named twice",
        ),
        ({"name": "glpat-abcdefghij0123456789"}, "this holds a secret"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = tmp_path / "wave.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **change}))
    with pytest.raises(BadParameters) as stopped:
        read(path)
    assert says in str(stopped.value) and str(path) in str(stopped.value)
    assert "\n" not in str(stopped.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must hold keys and values, found NoneType"),
        ("[web, cart]", "must hold keys and values, found list"),
        ("name: [", "is not YAML"),
        ("name: wave\nmembers:\n  web: {parameters: a}\n  web: {parameters: b}\n", "key 'web' is given twice"),
    ],
)
def test_what_is_no_batch_at_all_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "wave.yaml"
    path.write_text(text)
    with pytest.raises(BadParameters, match=says):
        read(path)
    with pytest.raises(BadParameters, match=r"there is no parameters file .*start from parameters/batch.example.yaml"):
        read(tmp_path / "none.yaml")


def test_members_whose_parameters_are_not_usable_are_named(shop: Shop) -> None:
    assert load_batch(shop.file).order == ["web", "cart"]
    shop.set("cart", application__name="web")
    with pytest.raises(BadParameters, match=r"members.cart.parameters: .* is of the application 'web', not of 'cart'"):
        load_batch(shop.file)
    shop.set("cart", application__name="cart", dry_run="no")
    with pytest.raises(BadParameters, match=r"members.cart.parameters: .*dry_run: Input.*runbook rollback NAME"):
        load_batch(shop.file)
    (shop.folder / "parameters" / "cart.yaml").unlink()
    with pytest.raises(BadParameters, match=r"members.cart.parameters: there is no file"):
        load_batch(shop.file)
    assert not (shop.folder / "records").exists()
