"""Clients are made when they are used, secrets are read where they are, and what is missing is named."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_prometheus import FakePrometheus, serving
from kubernetes.client import CoreV1Api
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from urllib3.exceptions import HTTPError

from runbook_lib.clients import Clients, connect, is_reference, require_http
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.observe.metrics import query
from runbook_lib.parameters import load
from tests.kubeconfig import write_kubeconfig

DEMO = Path(__file__).parents[1] / "parameters" / "demo.yaml"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def clients(environment: Mapping[str, str] | None = None, **sections: dict[str, Any]) -> Clients:
    p = load(DEMO)
    changed = {name: getattr(p, name).model_copy(update=values) for name, values in sections.items()}
    return Clients(p.model_copy(update=changed), environment or {})


def test_nothing_is_contacted_before_it_is_used() -> None:
    assert connect(load(DEMO)).parameters.application.name == "order-service"


@pytest.mark.parametrize(
    ("reference", "value"),
    [("env:TOKEN", "from the environment"), ("file:token", "from a file"), ("env:EMPTY", "")],
)
def test_a_secret_is_read_from_where_the_reference_points(project: Path, reference: str, value: str) -> None:
    (project / "token").write_text("from a file\n")
    assert clients({"TOKEN": "from the environment", "EMPTY": ""}).secret(reference) == value


@pytest.mark.parametrize("reference", ["env:GONE", "file:gone", "file:.", "secret:no-name", "plain", ""])
def test_a_secret_that_is_not_there_is_named_by_its_reference(reference: str) -> None:
    with pytest.raises(BadParameters, match="allowed are env:NAME, file:PATH, secret:namespace/name#key"):
        clients({"OTHER": "hunter2"}).secret(reference)


@pytest.mark.parametrize(
    ("value", "yes"), [("env:A", True), ("file:a", True), ("secret:a/b#c", True), ("sqlite:///a", False), ("a", False)]
)
def test_references_are_told_from_values(value: str, yes: bool) -> None:
    assert is_reference(value) is yes


def test_the_token_goes_with_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as fake:
        ours = clients({"TOKEN": "abc"}, prometheus={"url": f"{fake.url}/", "token": "env:TOKEN"})
        fake.answers["up"] = [{"metric": {}, "value": [1, "1"]}]
        assert query(ours.prometheus, "up") == [({}, 1.0)]
        assert ours.prometheus.headers == {"Authorization": "Bearer abc"}
        assert ours.prometheus is ours.prometheus


def test_a_question_is_asked_once_and_not_tried_again() -> None:
    with serving() as fake:
        fake.reply = (503, "busy")
        with pytest.raises(Unreachable):
            query(clients(prometheus={"url": fake.url}).prometheus, "up")
        assert len(fake.asked) == 1


# -- the cluster -------------------------------------------------------------------------------------------------------

KUBECONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {}}],
    "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "here",
}


def test_a_kubeconfig_of_the_parameters_is_found_from_the_project(project: Path) -> None:
    (project / "config").write_text(yaml.safe_dump(KUBECONFIG))
    client = clients(kubernetes={"kubeconfig": "config"}).kubernetes
    assert client.configuration.host == "http://127.0.0.1:1"
    assert client.configuration.retries is False


@pytest.mark.parametrize(
    ("content", "context", "says"),
    [
        (None, None, "there is no file"),
        ("a: [", None, "kubernetes.kubeconfig: "),
        ("", None, "kubernetes.kubeconfig: "),
        ("{}", None, "kubernetes.kubeconfig: "),
        ("just text", None, "kubernetes.kubeconfig: "),
        (yaml.safe_dump(KUBECONFIG), "elsewhere", "elsewhere"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_one_sentence(
    project: Path, content: str | None, context: str | None, says: str
) -> None:
    if content is not None:
        (project / "config").write_text(content)
    with pytest.raises(BadParameters) as refused:
        _ = clients(kubernetes={"kubeconfig": "config", "context": context}).kubernetes
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_secret_of_a_cluster_that_does_not_answer_is_unreachable(project: Path) -> None:
    (project / "config").write_text(yaml.safe_dump(KUBECONFIG))
    with pytest.raises(Unreachable, match="the cluster does not answer for the secret 'secret:a/b#c'"):
        clients(kubernetes={"kubeconfig": "config"}).secret("secret:a/b#c")


def test_a_secret_of_the_cluster_is_decoded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes.client import CoreV1Api, V1Secret

    (project / "config").write_text(yaml.safe_dump(KUBECONFIG))
    data: dict[str, bytes | str] = {"key": base64.b64encode(b"value").decode()}
    monkeypatch.setattr(CoreV1Api, "read_namespaced_secret", lambda *_: V1Secret(data=data))
    ours = clients(kubernetes={"kubeconfig": "config"})
    assert ours.secret("secret:shop/db#key") == "value"
    with pytest.raises(BadParameters, match="cannot be read"):
        ours.secret("secret:shop/db#other")


# -- the database ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["sqlite:///orders.db", "sqlite:///{project}/orders.db"])
def test_the_business_database_is_read_and_never_written_nor_made(project: Path, form: str) -> None:
    database = clients(business={"database": form.format(project=project)}).database
    with pytest.raises(OperationalError, match="unable to open"), database.connect():
        pass
    assert not (project / "orders.db").exists()
    import sqlite3

    connection = sqlite3.connect(project / "orders.db")
    connection.execute("CREATE TABLE orders (id)")
    connection.commit()
    connection.close()
    with database.connect() as reading, pytest.raises(OperationalError, match="readonly"):
        reading.execute(text("INSERT INTO orders VALUES (1)"))


def test_a_database_by_reference(project: Path) -> None:
    ours = clients({"URL": f"sqlite:///{project}/orders.db"}, business={"database": "env:URL"})
    assert "orders.db" in str(ours.database.url)


@pytest.mark.parametrize("url", ["nonsense", "oracle9://db/shop", ""])
def test_a_database_address_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(BadParameters, match=r"business\.database: "):
        _ = clients(business={"database": url}).database


# -- plain HTTP --------------------------------------------------------------------------------------------------------


def test_any_answer_is_an_answer() -> None:
    with serving() as fake:
        fake.reply = (404, "no")
        require_http(f"{fake.url}/?query=up", "the gateway")


def test_no_answer_is_one_sentence() -> None:
    gone = FakePrometheus("http://127.0.0.1:1")
    with pytest.raises(Unreachable, match=r"the gateway at 127\.0\.0\.1:1 does not answer \(connection refused"):
        require_http(gone.url, "the gateway")


def test_a_write_that_nobody_answers_is_not_sent_again(project: Path) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    asked.append(connection.recv(65536))
                    connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        write_kubeconfig(project / "kubeconfig", f"http://127.0.0.1:{server.getsockname()[1]}")
        client = clients(kubernetes={"kubeconfig": "kubeconfig"}).kubernetes
        with pytest.raises(HTTPError):
            CoreV1Api(client).delete_namespaced_pod("orders", "shop")
        server.close()
    assert len(asked) == 1
