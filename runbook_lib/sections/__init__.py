"""The sections of the parameters: what each key is, and what it may hold."""

from runbook_lib.sections.calendar import Calendar
from runbook_lib.sections.general import (
    Application,
    Assessment,
    Business,
    Contact,
    Containerization,
    Figure,
    Gates,
    Kubernetes,
    Legacy,
    LegacyInstance,
    Metrics,
    Prometheus,
    Retention,
    Selectors,
    SmokeCase,
)
from runbook_lib.sections.section import Section
from runbook_lib.sections.stages import CADENCES, Cadence, Guard, Stage, Thresholds, Watch
from runbook_lib.sections.traffic import Traffic

__all__ = [
    "CADENCES",
    "Application",
    "Assessment",
    "Business",
    "Cadence",
    "Calendar",
    "Contact",
    "Containerization",
    "Figure",
    "Gates",
    "Guard",
    "Kubernetes",
    "Legacy",
    "LegacyInstance",
    "Metrics",
    "Prometheus",
    "Retention",
    "Section",
    "Selectors",
    "SmokeCase",
    "Stage",
    "Thresholds",
    "Traffic",
    "Watch",
]
