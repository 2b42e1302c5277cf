"""Secrets of every kind are told in every way that a notebook has; no byte of what a run leaves behind holds one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import planted
import pytest
import yaml
from throwaway import REPOSITORY, demo, make_project, only_attempt, write_notebook

TELLS = r"""
import base64, html, json, logging, os, sys, warnings
from urllib.parse import quote
from IPython.display import HTML, JSON, Markdown, display
v = json.load(open('../values.json'))
clients = run.connect()
known = [clients.secret(r) for r in ('env:PLANTED_TOKEN', 'env:PLANTED_ODD', 'env:PLANTED_DSN', 'file:hook')]
known += [v[k] for k in ('token', 'odd', 'dsn password', 'webhook', 'login', 'login key')]

in_base64 = [base64.b64encode(('u:' + k).encode()).decode() for k in known]
shown = [*known, *(quote(k, safe='') for k in known), *in_base64]
basic, data = (base64.b64encode(x.encode()).decode() for x in ('user:' + v['basic'], v['object']))
note = json.dumps({'token': v['json']})
shown += [json.dumps({'kind': 'Secret', 'data': {'any': data}, 'metadata': {'note': note}})]
shown += ['kind: Secret\ndata:\n  any: ' + data + '\nstringData:\n  other: ' + v['object'] + '\n']
shown += ['DB_PASSWORD=' + v['password'], 'jwt ' + v['jwt'], 'aws ' + v['access key']]
shown += ['Authorization: Bearer ' + v['bearer'], 'Authorization: Basic ' + basic]
shown += ['cannot reach https://me:' + v['url'] + '@db/x', 'https://hooks.slack.com/services/' + v['hook']]
shown += [base64.b64decode(v['login key']).decode()]
shown += ['-----BEGIN ' + 'RSA PRIVATE KEY-----\n' + v['private key'] + '\n-----END ' + 'RSA PRIVATE KEY-----']

for text in shown:
    print(text)
    print(text, file=sys.stderr)
    logging.getLogger('shop').error(text)
    warnings.warn(text)
os.write(2, '\n'.join(shown).encode() + b'\n')

display(HTML('<p>' + '</p><p>'.join(map(html.escape, shown)) + '</p>'), Markdown('\n\n'.join(shown)))
display(JSON({'password': v['password'], 'list': shown, shown[0]: 1}))
dict(enumerate(shown))

import ipywidgets, pandas
display(ipywidgets.Password(value=v['password']), ipywidgets.Text(value=v['token']))
pandas.DataFrame({'said': shown})

from runbook_lib.model import Change, Outcome, Verdict, now
secret = {'kind': 'Secret', 'data': {'any': data, 'odd': base64.b64encode(v['odd'].encode()).decode()}}
env = [{'name': 'APP_PASSWORD', 'value': v['password']}]
run.evidence('all ' + v['token'], {'shown': shown, 'secret': secret, 'env': env})
run.event('told', shown=shown, password=v['password'])
run.progress(shown[0])
run.asked('up{token="' + v['token'] + '"}')
run.verdict(Verdict('v', Outcome.PASS, ' '.join(shown)))
run.change('set ' + shown[0], lambda: Change('c', secret, shown, True, now(), shown[1])).done
"""
ENDS = {
    "passes": "run.finish(' '.join(shown))",
    "is refused": "from runbook_lib.errors import CriterionFailed\nraise CriterionFailed(' '.join(shown))",
    "breaks": "def connect(password):\n    raise ConnectionError(' '.join(shown))\nconnect(password=v['password'])",
    "breaks in an act": "def act():\n    raise OSError(' '.join(shown))\nrun.change('act', act)",
}
BLIND = "from runbook_lib.redact import Redactor\nRedactor.text = Redactor.value = lambda self, value: value\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    return tmp_path / "project"


def _run(project: Path, last: str, values: dict[str, str], blind: bool = False) -> bytes:
    """Everything that `runbook run` leaves on the disk and on the terminal."""
    write_notebook(project, "assessment", (*TELLS.strip().split("\n\n"), last))
    environment = {**os.environ, **planted.write(project, values), "PYTHONPATH": str(REPOSITORY)}
    if blind:
        (project / "blind").mkdir()
        (project / "blind" / "sitecustomize.py").write_text(BLIND)
        environment["PYTHONPATH"] += f"{os.pathsep}{project / 'blind'}"
    parameters = project / "parameters" / "demo.yaml"
    parameters.write_text(yaml.safe_dump(planted.refer(demo(project))))
    command = [sys.executable, "-m", "runbook_lib.cli", "run", str(parameters), "--phase", "assessment"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    attempt = only_attempt(project).folder
    assert {"kernel.log", "notebook.html", "record.json"} <= {path.name for path in attempt.iterdir()}, done.stderr
    assert b"all" in b"".join(path.name.encode() for path in (attempt / "evidence").iterdir())
    return b"\n".join([done.stdout, done.stderr, *_artefacts(project / "records")])


def _artefacts(records: Path) -> list[bytes]:
    """Names and contents of all files, hidden ones, too."""
    files = [path for path in sorted(records.rglob("*")) if path.is_file()]
    return [str(path.relative_to(records)).encode() + b"\n" + path.read_bytes() for path in files]


@pytest.mark.parametrize(
    "ends", [pytest.param(end, marks=[] if end == "breaks" else pytest.mark.heavy) for end in ENDS]
)
def test_no_artefact_holds_a_secret(project: Path, ends: str) -> None:
    values = planted.plant()
    left = _run(project, ENDS[ends], values)
    assert planted.leaks(left, values) == set()
    assert "«redacted: env:PLANTED_TOKEN»" in left.decode(errors="replace")


def test_the_search_finds_every_kind_when_nothing_is_hidden(project: Path) -> None:
    values = planted.plant()
    left = _run(project, ENDS["breaks"], values, blind=True)
    del values["cluster"]  # only the practice range has a Secret to read
    assert planted.leaks(left, values) == set(values)
