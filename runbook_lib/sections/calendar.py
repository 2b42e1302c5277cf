"""When users may be moved at all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator
from pydantic.json_schema import WithJsonSchema

from runbook_lib.judge import calendar as judge
from runbook_lib.sections.section import Section


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write one of the IANA database, like Asia/Shanghai") from None
    return name


def _window(text: str) -> str:
    judge.read_window(text)
    return text


def _moment(value: object) -> datetime:
    """ISO 8601 with its offset: a freeze that begins an hour late because of a guessed zone protects nobody."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is no time; write it like 2026-11-10T00:00+08:00") from None
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no offset; write it like 2026-11-10T00:00+08:00, or with Z for UTC")
    return moment


Zone = Annotated[str, AfterValidator(_zone)]
WeeklyWindow = Annotated[str, AfterValidator(_window)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(lambda moment: moment.isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Freeze(Section):
    since: Moment
    until: Moment
    reason: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _ends_later(self) -> Freeze:
        if self.until <= self.since:
            raise ValueError("a freeze must end after it begins")
        return self


class Calendar(Section):
    """Users are moved forward only when this allows it; they are brought back at any time."""

    time_zone: Zone = "UTC"
    """Of the peak hours and the weekends."""
    peak: list[WeeklyWindow] = []
    """Hours in which nobody is moved: 09:30-11:30, Mon-Fri 18:00-22:00, Sat,Sun 00:00-24:00."""
    freeze: list[Freeze] = []
    """Stretches of time in which nobody is moved: a sale, a closing of the books."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def windows(self) -> tuple[judge.Window, ...]:
        """The peak hours as they are judged."""
        return tuple(judge.read_window(text) for text in self.peak)

    @property
    def freezes(self) -> tuple[judge.Freeze, ...]:
        """The freezes as they are judged."""
        return tuple(judge.Freeze(one.since, one.until, one.reason) for one in self.freeze)
