"""The pages of the archive: what a run's records tell, and the shell of the list, as HTML that needs nothing else.

The pages' own policy forbids them to load or run anything but what they were made with, and every value is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib.pages import words
from runbook_lib.pages.story import span, story
from runbook_lib.record.archive import Attempt
from runbook_lib.record.incident import is_incident

if TYPE_CHECKING:
    from jinja2 import Environment

NAME = "index.html"
ATTEMPT = re.compile(r"\b([a-z0-9][-a-z0-9]*)/(\d{8}t\d{6}z-[a-z0-9_-]+)/(attempt-\d+)\b")
TEMPLATES = Path(__file__).parent / "templates"


def render(run: Path, known: Sequence[Attempt]) -> str | None:
    """The page of a run from its attempts; None while none is filed."""
    told = story(run, known)
    if told is None:
        return None
    return rendered("run.html", story=told, incident=any(is_incident(one) for one in known))


def rendered(name: str, /, **values: object) -> str:
    """A page from its template."""
    page = _templates().get_template(name).render(**values)
    return page.encode(errors="replace").decode()  # half a surrogate is legal in JSON and in no file


@cache
def render_list() -> str:
    """The page that shows index.js: the same for every archive."""
    return _templates().get_template(NAME).render(outcomes=words.OUTCOMES, phases=words.PHASES)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader  # here: a kernel that files nothing is spared the import

    found = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    found.globals.update(read=_read, sha256=_sha256, outcomes=words.OUTCOMES, phases=words.PHASES)
    found.filters.update(
        address=words.address,
        outcome=words.outcome_word,
        moment=words.moment,
        duration=words.duration,
        short=words.short,
        span=span,
        linked=_linked,
    )
    return found


def _linked(value: object) -> str:
    """A text in which the attempts that it names, ``APPLICATION/RUN/attempt-N``, lead to their pages."""
    from markupsafe import Markup, escape

    def link(found: re.Match[str]) -> str:
        application, run, attempt = found.groups()
        return f'<a href="../../{application}/{run}/index.html#{attempt}">{found[0]}</a>'

    return Markup(ATTEMPT.sub(link, str(escape(value))))


@cache
def _read(name: str) -> str:
    """A script or style sheet that goes into a page as it is."""
    from markupsafe import Markup

    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


@cache
def _sha256(name: str) -> str:
    """What a page's policy allows: the digest of a script or style sheet between its tags."""
    return base64.b64encode(hashlib.sha256(_read(name).encode()).digest()).decode()
