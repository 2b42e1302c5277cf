"""Marks secrets in texts and in values made of JSON's types, without changing the shape of either."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_lib.errors import RunbookError
from runbook_lib.redact import objects, patterns
from runbook_lib.redact.forms import ANYWHERE, WORD, forms
from runbook_lib.redact.mark import MARK, is_harmless, mark
from runbook_lib.redact.names import kind_of, names_it

_OWN = re.compile(
    "passed|failed|rolled_back|gate_pending|observing|refused|interrupted|crashed|completed|not-run|pending|running|PASS"
    "|INCONCLUSIVE|FAIL|approved|rejected|held|withdrawn|assessment|containerization_checks|pilot_deploy|gray_stage"
    "|comparison|rollback|decommission|legacy|kubernetes|runner|notebook|started|finished|operator|approver|sealer"
)
_SECRET_TYPES = ("Opaque", "kubernetes.io/", "bootstrap.kubernetes.io/", "helm.sh/")
LONG = 2_000
"""Characters of a text that counts as a long one."""
MEMORY = {True: 200, False: 100_000}
"""How many long texts are remembered, and how many others."""
_PICTURE = re.compile(r"(?:image|audio|video|font)/(?!svg)|application/(?:pdf|octet-stream)\Z")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*\Z")
_CUT = re.compile(r"\.{3}|…|\Z")
LONGEST = 512  # characters of a secret that was cut off
_ADDRESS = re.compile(r"[a-z+]{1,32}://[^/:@]{0,256}[/:]")
_DATA = ("data", "stringData", "string_data")


@dataclass(frozen=True)
class Redactor:
    """Knows some secrets by every form they may show in, and what the others look like; what it gives stays as it is.

    ``own`` are words that the record itself must say: the parameters say them in clear, so they are no secret.
    """

    own: frozenset[str] = frozenset()
    known: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Forms and what to call them, longest first."""
    _memory: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Texts that were read before: a notebook is saved after each of its cells, a finding's reason stands at each."""

    def sparing(self, words: Iterable[str]) -> Redactor:
        """The same with more words that are never hidden."""
        return replace(self, own=self.own | set(words), _memory={})

    def knowing(self, what: str, value: str) -> Redactor:
        """The same with one more secret, called ``what`` where it is hidden."""
        if not value.strip() or self._says(value):
            return self
        there = {form for form, _ in self.known}
        fresh = [(form, what) for form in forms(value) if form not in there and not self._says(form)]
        known = sorted([*self.known, *fresh], key=lambda pair: -len(pair[0]))
        return replace(self, known=tuple(known), _memory={})

    def text(self, text: str) -> str:
        """The text with every secret marked; again and again, until there is nothing left to mark."""
        if text in self._memory:
            return self._memory[text]
        if not text or is_harmless(text):
            return text
        for form, what in self.known:
            if len(form) < ANYWHERE and form == text.strip():
                return mark(what)
        before = text
        while (once := patterns.hide(objects.hide(self._known(text)))) != text:
            text = once
        if len(self._memory) < MEMORY[len(before) > LONG]:
            self._memory[before] = text
        return text

    def value(self, value: Any) -> Any:
        """The same for anything made of JSON's types, with what a key says of its value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return self._sequence(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) >= 6:
            return next((mark(what) for form, what in self.known if form == str(value)), value)
        return value

    def _says(self, word: str) -> bool:
        return word in self.own or _OWN.fullmatch(word) is not None

    def _known(self, text: str) -> str:
        heads = [(form, form[:least], what) for form, what in self.known if len(form) > (least := _beginning(form))]
        heads = [one for one in heads if one[1] in text]
        if heads:
            pieces, at = [], 0
            for found in _CUT.finditer(text):
                pieces.append(_cut(text[max(at, found.start() - LONGEST) : found.start()], heads))
                pieces[-1] = text[at : max(at, found.start() - LONGEST)] + pieces[-1] + found[0]
                at = found.end()
            text = "".join([*pieces, text[at:]])
        return self._whole(text)

    def _whole(self, text: str) -> str:
        there = {form: what for form, what in self.known if len(form) >= WORD and form in text}
        if not there:
            return text
        alternatives = [re.escape(form) if len(form) >= ANYWHERE else _as_word(form) for form in there]
        return re.sub("|".join([MARK, *alternatives]), lambda found: _marked(found[0], there), text)

    def _mapping(self, value: dict[Any, Any]) -> dict[Any, Any]:
        secret, hidden = _is_secret_object(value), dict[Any, Any]()
        for key, inner in value.items():
            name = self.text(key) if isinstance(key, str) else key
            while name in hidden:
                name = f"{name}'"  # two keys that held secrets stay two
            if secret and key in _DATA and isinstance(inner, dict):
                hidden[name] = {self.text(str(k)): _gone(v, "data of a Secret") for k, v in inner.items()}
            elif isinstance(key, str) and isinstance(inner, str) and _PICTURE.match(key) and _BASE64.match(inner):
                hidden[name] = inner
            elif isinstance(key, str) and names_it(key):
                hidden[name] = self.value(_gone(inner, kind_of(key)))
            else:
                hidden[name] = self.value(inner)
        if isinstance(named := value.get("name"), str) and names_it(named) and isinstance(value.get("value"), str):
            hidden["value"] = self.value(_gone(value["value"], kind_of(named)))
        if isinstance(path := value.get("path"), str) and names_it(path):  # a field that differs
            hidden |= {side: _gone(hidden[side], kind_of(path)) for side in ("before", "after") if side in hidden}
        if "PasswordModel" in (value.get("model_name"), value.get("_model_name")):
            hidden = _password_field(hidden)
        return hidden

    def _sequence(self, value: list[Any] | tuple[Any, ...]) -> list[Any]:
        hidden = [self.value(inner) for inner in value]
        for index, inner in enumerate(value[:-1]):
            if isinstance(inner, str) and inner.startswith("-") and names_it(inner):
                hidden[index + 1] = self.value(_gone(value[index + 1], kind_of(inner)))
        return hidden


@contextlib.contextmanager
def told_without(redactor: Redactor) -> Iterator[None]:
    """What a RunbookError says on its way out holds no secret."""
    try:
        yield
    except RunbookError as error:
        said = str(error)
        if (told := redactor.text(said)) == said:
            raise
        raise type(error)(told) from None


def _cut(text: str, heads: list[tuple[str, str, str]]) -> str:
    """A text that was cut off, without the beginning of a secret that was too long for its table or line."""
    for form, head, what in heads:
        at = text.rfind(head)
        if at >= 0 and form != text[at:] and form.startswith(text[at:]):
            return text[:at] + mark(what)
    return text


def _beginning(form: str) -> int:
    """How much of a form must be there to know it by: more than a scheme and a host."""
    head = _ADDRESS.match(form)
    return (head.end() if head else 0) + ANYWHERE


def _as_word(form: str) -> str:
    return rf"(?<![A-Za-z0-9_]){re.escape(form)}(?![A-Za-z0-9_])"


def _marked(found: str, there: dict[str, str]) -> str:
    return mark(there[found]) if found in there else found


def _gone(value: Any, what: str) -> Any:
    """A mark in the place of a text; what is no secret by its look (a reference, a digest, no text) stays."""
    if isinstance(value, bytes):
        return mark(what)
    return value if not isinstance(value, str) or is_harmless(value) else mark(what)


def _is_secret_object(value: dict[Any, Any]) -> bool:
    if value.get("kind") == "Secret":
        return True
    kind = value.get("type")
    typed = isinstance(kind, str) and kind.startswith(_SECRET_TYPES)
    return (
        not value.get("kind")
        and any(isinstance(value.get(d), dict) for d in _DATA)
        and (typed or "string_data" in value)
    )


def _password_field(widget: dict[Any, Any]) -> dict[Any, Any]:
    """A password typed into a widget is kept in its state."""
    hidden = {**widget, "value": _gone(widget.get("value"), "password")} if "value" in widget else dict(widget)
    if isinstance(state := widget.get("state"), dict) and "value" in state:
        hidden["state"] = {**state, "value": _gone(state["value"], "password")}
    return hidden
