"""The sections of the parameters: what each key is, and what it may hold."""

from runbook_lib.sections.assessment import Assessment
from runbook_lib.sections.calendar import Calendar
from runbook_lib.sections.decommission import Legacy, LegacyInstance, Retention
from runbook_lib.sections.general import (
    Application,
    Business,
    Contact,
    Containerization,
    Figure,
    Gates,
    Instances,
    Kubernetes,
    Metrics,
    Prometheus,
    Selectors,
)
from runbook_lib.sections.rollback import DataScript, Rollback
from runbook_lib.sections.rollout import Rollout
from runbook_lib.sections.section import Section
from runbook_lib.sections.stages import CADENCES, Cadence, Guard, Stage, Thresholds, Watch
from runbook_lib.sections.traffic import Traffic
from runbook_lib.sections.verification import (
    ExpectedDifference,
    Format,
    LoadTest,
    Request,
    Settings,
    SettingsSource,
    SmokeCase,
)

__all__ = [
    "CADENCES",
    "Application",
    "Assessment",
    "Business",
    "Cadence",
    "Calendar",
    "Contact",
    "Containerization",
    "DataScript",
    "ExpectedDifference",
    "Figure",
    "Format",
    "Gates",
    "Guard",
    "Instances",
    "Kubernetes",
    "Legacy",
    "LegacyInstance",
    "LoadTest",
    "Metrics",
    "Prometheus",
    "Request",
    "Retention",
    "Rollback",
    "Rollout",
    "Section",
    "Selectors",
    "Settings",
    "SettingsSource",
    "SmokeCase",
    "Stage",
    "Thresholds",
    "Traffic",
    "Watch",
]
