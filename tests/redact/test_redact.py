"""Secrets are marked whatever they look like, references and the record's own words stay, and twice is once."""

from __future__ import annotations

import base64
import html
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.errors import Unreachable
from runbook_lib.parameters import read_yaml
from runbook_lib.record.journal import Journal, read
from runbook_lib.redact import Redactor, mark, told_without
from runbook_lib.redact.search import secret_places

PLAIN = Redactor()
ODD = "p@ss/w:'örd\"<&>\\1"
KNOWING = PLAIN.knowing("env:ODD", ODD).knowing("env:SHORT", "x7").knowing("env:WORD", "horse")
HEX = "0123456789abcdef" * 4
REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgresql://shop:hun%40ter2@db/x", "hun%40ter2"),
        ("mysql://shop:hun/ter2@db", "hun/ter2"),
        ("Authorization: Bearer hunter22", "hunter22"),
        ("{'Authorization': 'Token hunter22'}", "hunter22"),
        ("Basic " + base64.b64encode(b"me:hunter2").decode(), base64.b64encode(b"me:hunter2").decode()),
        ("DB_PASSWORD=hunter2", "hunter2"),
        ("  password: hunter2\n", "hunter2"),
        ("apiKey = 'hunter2'", "hunter2"),
        ("- name: API_TOKEN\n  value: hunter2\n", "hunter2"),
        ('- name: "DB_PASSWORD"\r\n          value: "hun ter2"', "hun ter2"),
        ('{"name":"API_TOKEN","value":"hunter2"}', "hunter2"),
        ('{"client_secret": "hun\\"ter2"}', "ter2"),
        (json.dumps({"a": json.dumps({"token": "hunter2"})}), "hunter2"),
        (html.escape(json.dumps({"token": "hunter2"})), "hunter2"),
        ("password\x1b[39m \x1b[38;5;241m=\x1b[39m \x1b[33m'hunter2'\x1b[39m", "hunter2"),
        ("<tr><td>password</td>\n  <td>hunter2</td>", "hunter2"),
        ("mysqldump --password hunter2 shop", "hunter2"),
        ("https://db.example/x?sig=hunter22x", "hunter22x"),
        ("https://hooks.slack.com/services/T0/B0/hunter2", "hunter2"),
        ("Max retries exceeded with url: /services/T0000000/B0000000/hunter22", "hunter22"),
        ("-----BEGIN " + "OPENSSH PRIVATE KEY-----\nhunter2\n-----END " + "OPENSSH PRIVATE KEY-----", "hunter2"),
        ("client-key-data: " + base64.b64encode(b"-----BEGIN RSA PRIVATE KEY-----" * 3).decode(), "LS0tLS1"),
        ("x eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "eyJzdWIiOiIx"),
        ("AKIA" + "ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOP"),
        ("ghp_" + "a1" * 18, "a1a1"),
        ("kind: Secret\ndata:\n  any: aHVudGVy\n", "aHVudGVy"),
        ("'kind: Secret\\ndata:\\n  any: aHVudGVy\\n'", "aHVudGVy"),
        ("{'kind': 'Secret', 'data': {'any': 'aHVudGVy'}}", "aHVudGVy"),
        (html.escape('{"kind": "Secret", "data": {"any": "aHVudGVy"}}'), "aHVudGVy"),
        ("DB_PASSWORD=my_secret", "my_secret"),
        ("password: supersecret", "supersecret"),
        ("-Djavax.net.ssl.trustStorePassword=oraclepassword", "oraclepassword"),
        ("redis-cli --token=shoptoken", "shoptoken"),
    ],
)
def test_what_looks_like_a_secret_is_marked(text: str, secret: str) -> None:
    said = PLAIN.text(text)
    assert secret not in said and "«redacted: " in said
    assert PLAIN.text(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "prometheus.token: this key is missing",
        "- name: API_TOKEN_FILE\n  value: /run/secrets/token",
        "- name: SIDE\n  value: kubernetes",
        "- name: API_TOKEN\n  valueFrom: {secretKeyRef: {name: shop, key: api-token}}",
        "prometheus.token: must be env:NAME, file:PATH or secret:namespace/name#key",
        "token: env:PROMETHEUS_TOKEN",
        "the secret 'secret:shop/db#dsn' is not there; allowed are env:NAME",
        f"password: sha256:{HEX}",
        f"commit {HEX[:40]}, uid 0f8fad5b-d9cb-469f-a165-70867728950e",
        "http://127.77.0.10:8080/orders@2026",
        "def f(token: str, password=password, secret=clients.secret(reference)):",
        "login(db_password=db_password, token=self.token, password=settings.db_password)",
        "Secret/orders-token of secretKeyRef: {name: orders_secret, key: api_token}, secretName: shop_token",
        "basic authentication and the bearer of a token; passwords: 3",
        "imagePullSecrets, secretName: orders-db-login-of-the-shop, token_file: /run/secrets/token",
        "PASS: error rate 2.33% (6/258) > 1.25 x old side (0.00% (0/636))",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0 anna's laptop SHA256:abcdefghijklmnopqrstuvwxyz",
        "<td>mounts no service account token</td>\n  <td>PASS</td>",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert PLAIN.text(text) == text


@pytest.mark.parametrize(
    "coat",
    [
        lambda v: v,
        lambda v: quote(v, safe=""),
        lambda v: quote(v, safe="").lower() if "%" in quote(v) else v,
        html.escape,
        lambda v: json.dumps({"k": v}),
        lambda v: json.dumps(json.dumps(v)),
        lambda v: repr({"k": v}),
        lambda v: base64.b64encode(v.encode()).decode(),
        lambda v: base64.b64encode(f"u:{v}".encode()).decode(),
        lambda v: base64.b64encode(f"user:{v}, and so on".encode()).decode(),
        lambda v: base64.urlsafe_b64encode(base64.b64encode(v.encode())).decode(),
        lambda v: v.encode().hex(),
        lambda v: f"cut off {v[:11]}...",
    ],
)
def test_a_known_secret_is_marked_in_every_coat(coat: Any) -> None:
    assert mark("env:ODD") in KNOWING.text(coat(ODD))


def test_short_secrets_do_not_take_the_record_apart() -> None:
    assert KNOWING.value({"said": "x7", "box7": "a x7 b", "more": "a horse, horses"}) == {
        "said": mark("env:SHORT"),
        "box7": "a x7 b",
        "more": f"a {mark('env:WORD')}, horses",
    }
    assert PLAIN.sparing(["shop"]).knowing("env:A", "shop").text("the namespace shop") == "the namespace shop"
    assert PLAIN.knowing("env:A", "passed").value({"outcome": "passed"}) == {"outcome": "passed"}


def test_keys_and_objects_tell_of_their_values() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"any": "aHVudGVy", "kept": f"sha256:{HEX}"}}
    value = {
        "password": "hunter2",
        "token": "env:TOKEN",
        "object": secret,
        "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "PORT", "value": "8080"}],
        "command": ["curl", "--token", "hunter2", "http://x"],
        "field": {"path": ".env[name=DB_PASSWORD].value", "before": "hunter2", "after": None},
        "image/png": base64.b64encode(b"a picture").decode(),
    }
    said = PLAIN.value(value)
    assert "hunter2" not in str(said) and "aHVudGVy" not in str(said)
    assert said["token"] == "env:TOKEN" and said["object"]["data"]["kept"] == f"sha256:{HEX}"
    assert said["env"][1] == value["env"][1] and said["image/png"] == value["image/png"]
    assert PLAIN.value(said) == said


def test_a_known_dsn_or_webhook_is_known_by_its_parts() -> None:
    known = PLAIN.knowing("env:DSN", "postgresql://me:hunter%2F22@db/shop")
    known = known.knowing("env:HOOK", "https://chat.example/in/0123456789abcdefghij?v=1")
    assert known.text("hunter/22 of shop at db") == f"{mark('env:DSN')} of shop at db"
    assert "0123456789" not in known.text("exceeded with url: /in/0123456789abcdefghij?v=1 (Caused by x)")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
WORDS = ("password", "=", ": ", '"', "'", "\\", "«", "»", mark("x"), "://", "@", ODD, "horse", "kind: Secret\n")
MORE = ("data:\n", "  a: b\n", "Bearer ", "eyJ", ".", "token", "{", "}", "&quot;", " ", "x7", "\n", "p@ss/w...")
PIECES = st.sampled_from(WORDS) | st.sampled_from(MORE)
WORST = ("a", 'password="', "password='\\\"", "eyJ", "://a:", "-----BEGIN PRIVATE KEY-----", "--", "LS0tLS1CRUdJTi")
AND_MORE = ("... ", "token=&quot;", "kind: Secret\ndata:\n", 'kind: Secret "data": {', "Bearer ", "authorization: ")


@settings(max_examples=200)
@given(st.lists(PIECES | st.text(max_size=6), max_size=14).map("".join))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = KNOWING.text(text)
    assert KNOWING.text(once) == once


@settings(max_examples=100)
@given(JSON)
def test_the_shape_of_a_value_stays(value: Any) -> None:
    said = KNOWING.value(value)
    assert json.loads(json.dumps(said)) == json.loads(json.dumps(KNOWING.value(said)))
    assert _shape(said) == _shape(value)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return [_shape(inner) for inner in value.values()]
    return [_shape(inner) for inner in value] if isinstance(value, list) else None


@settings(max_examples=100)
@given(st.text(st.characters(categories=["L", "N"]), min_size=8, max_size=40), JSON)
def test_no_value_is_left_however_deep_it_lies(secret: str, value: Any) -> None:
    knowing = PLAIN.knowing("env:A", secret)
    said = json.dumps(knowing.value({"a": [f"x {secret} y", value], secret: secret}), ensure_ascii=False)
    assert secret not in said or secret in mark("env:A") or knowing is PLAIN


@pytest.mark.parametrize("piece", [*WORST, *AND_MORE])
def test_the_time_is_linear_in_the_text(piece: str) -> None:
    """Four times as much takes about four times as long, where a quadratic search would take sixteen times."""
    few, many = (_cpu_seconds(piece * (size // len(piece))) for size in (150_000, 600_000))
    assert many < 0.2 or many < 9 * few


def _cpu_seconds(text: str) -> float:
    began = time.process_time()
    KNOWING.text(text)
    return time.process_time() - began


@pytest.mark.heavy
def test_five_megabytes_take_seconds() -> None:
    assert _cpu_seconds("the error rate 0.1 % < limit 1.0 % of http://127.0.0.1:8080/x; " * 80_000) < 10


def test_the_parameters_and_the_committed_notebooks_hold_nothing_to_mark() -> None:
    for path in sorted((REPOSITORY / "parameters").glob("*.yaml")):
        assert secret_places(read_yaml(path)) == [], path.name
    for path in sorted((REPOSITORY / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text())
        assert PLAIN.value(notebook) == notebook, path.name


def test_the_journal_marks_what_it_writes(tmp_path: Path) -> None:
    Journal(tmp_path, KNOWING.value).write("told", said=f"it is {ODD}", more=["password=hunter2"])
    (event,) = read(tmp_path)
    assert event.data == {"said": f"it is {mark('env:ODD')}", "more": [f"password={mark('password')}"]}


def test_an_error_says_no_secret_on_its_way_out() -> None:
    without = r"^no answer from postgresql://me:«redacted: password»@db$"
    with pytest.raises(Unreachable, match=without) as raised, told_without(PLAIN):
        raise Unreachable("no answer from postgresql://me:hunter2@db")
    assert raised.value.__suppress_context__


def test_a_redactor_shows_none_of_what_it_knows() -> None:
    assert "horse" not in repr(KNOWING) and timedelta() == PLAIN.value(timedelta())
