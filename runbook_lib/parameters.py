"""YAML or notebook cell -> Parameters; strict: unknown, missing and mistyped keys are refused by name."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import SerializerFunctionWrapHandler, ValidationError, field_serializer, model_validator

from runbook_lib.errors import BadParameters
from runbook_lib.fields import read_duration
from runbook_lib.redact.names import names_it
from runbook_lib.redact.search import secret_places
from runbook_lib.sections import (
    CADENCES,
    Application,
    Assessment,
    Business,
    Cadence,
    Calendar,
    Containerization,
    Gates,
    Guard,
    Kubernetes,
    Legacy,
    Metrics,
    Prometheus,
    Retention,
    Section,
    Stage,
    Thresholds,
    Traffic,
    Watch,
)

FIRST = 5
"""Percent of the users that may at most go first, where they are not the company's own."""
PRACTICE_RANGE = Path("parameters/demo.yaml")
EXAMPLE = "parameters/order-service.example.yaml"
ONES_OWN = ("containerization", "kubernetes", "prometheus", "metrics", "business", "traffic", "stages", "legacy")
"""Sections that say how one application moves; the file of a fleet, which is only assessed, leaves them out."""
_NOT_GIVEN = cast(Any, None)


class Parameters(Section):
    """One application's passage; the top-level keys are the parameters of the notebooks.

    The file of a fleet (``assessment.scope``) leaves out ``ONES_OWN``: only its assessment is ever run.
    """

    application: Application
    dry_run: bool = True
    """True: say what would be done, change nothing."""
    records: str = "records"
    """Folder of the archive."""
    assessment: Assessment
    containerization: Containerization = _NOT_GIVEN
    kubernetes: Kubernetes = _NOT_GIVEN
    prometheus: Prometheus = _NOT_GIVEN
    metrics: Metrics = _NOT_GIVEN
    business: Business = _NOT_GIVEN
    traffic: Traffic = _NOT_GIVEN
    cadence: Cadence | None = None
    """A profile of the sources, taken where no ``stages`` are given; ``internal`` may begin above 5 %."""
    stages: list[Stage] = []
    calendar: Calendar = Calendar()
    thresholds: Thresholds = Thresholds()
    watch: Watch = Watch()
    guard: Guard = Guard()
    gates: Gates
    retention: Retention = Retention()
    legacy: Legacy = _NOT_GIVEN

    @model_validator(mode="before")
    @classmethod
    def _stages_of_the_cadence(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("stages") is None and given.get("cadence") in CADENCES:
            return {**given, "stages": [dict(stage) for stage in CADENCES[given["cadence"]]]}
        return given

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, given: Any) -> Any:
        if isinstance(given, dict):
            return {key: value for key, value in given.items() if value is not None or key not in ONES_OWN}
        return given

    @field_serializer(*ONES_OWN, mode="wrap")
    def _or_nothing(self, value: Any, write: SerializerFunctionWrapHandler) -> Any:
        return None if value is None else write(value)

    @model_validator(mode="after")
    def _sections_of_its_own(self) -> Parameters:
        if self.of_fleet:
            return self
        if missing := [name for name in ONES_OWN if getattr(self, name) is None]:
            others = f" (and {len(missing) - 1} more: {', '.join(missing[1:])})" if missing[1:] else ""
            raise ValueError(f"{missing[0]}: this key is missing{others}")
        return self

    @model_validator(mode="after")
    def _stages_rise_to_all(self) -> Parameters:
        weights = [stage.weight for stage in self.stages]
        if self.of_fleet and not weights:
            return self
        if not weights:
            raise ValueError(f"stages: none are given; write them, or name a cadence: {', '.join(CADENCES)}")
        if weights != sorted(set(weights)) or weights[0] < 1:
            raise ValueError(f"stages: weights must rise from at least 1, each once; found {weights}")
        if weights[0] > FIRST and self.cadence != "internal":
            raise ValueError(
                f"stages: the first weight is at most {FIRST}, found {weights[0]}; cadence: internal allows more"
            )
        if weights[-1] != 100:
            raise ValueError(f"stages: the last weight must be 100, found {weights[-1]}")
        return self

    @model_validator(mode="after")
    def _gates_exist(self) -> Parameters:
        known = {"pilot_deploy", "decommission", "rollback"} | {f"gray_stage:{s.weight}" for s in self.stages}
        if unknown := [name for name in self.gates.ask if name not in known]:
            raise ValueError(f"gates.ask: {unknown[0]!r} is no step that can wait; allowed: {', '.join(sorted(known))}")
        return self

    @property
    def of_fleet(self) -> bool:
        """Whether these are the parameters of many applications, which are assessed and not moved."""
        return self.assessment.scope == "fleet"

    def stage(self, weight: int) -> Stage:
        """The stage of that weight; BadParameters when none is planned."""
        for stage in self.stages:
            if stage.weight == weight:
                return stage
        planned = ", ".join(str(stage.weight) for stage in self.stages)
        raise BadParameters(f"weight {weight} is not a planned stage; planned are {planned}")

    def path(self, value: str) -> Path:
        """A path of the parameters, made absolute from the project's root."""
        return project_root() / Path(value).expanduser()


def project_root(start: Path | None = None) -> Path:
    """The nearest folder upward that holds notebooks/ and parameters/; BadParameters when there is none."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "parameters").is_dir():
            return folder
    raise BadParameters(f"no folder with notebooks/ and parameters/ at or above {here}; change into the project first")


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key given twice is an error, not the last one winning."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue  # what << brings in, later keys may replace
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, dict | list):
            raise yaml.constructor.ConstructorError(None, None, f"{key!r} cannot be a key", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


def _day(loader: _StrictLoader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value} is no day: {error}", node.start_mark
        ) from None


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", _day)


def load(path: Path | str) -> Parameters:
    """The parameters of one application; BadParameters says which file, which key, what was found, what is allowed."""
    found = load_any(path)
    if found.of_fleet:
        raise BadParameters(
            f"{path}: assessment.scope: this is a fleet, which is assessed (runbook run) and nothing else; name the "
            "parameters of one application"
        )
    return found


def load_any(path: Path | str) -> Parameters:
    """The same, of one application or of a fleet."""
    return check(read_yaml(Path(path)), str(path))


def read_yaml(path: Path, example: str = EXAMPLE) -> dict[str, Any]:
    """The keys and values of a YAML file; BadParameters when it is none, is not there, or gives a key twice."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except FileNotFoundError:
        raise BadParameters(f"there is no parameters file {path}; start from {example}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadParameters(f"{path} cannot be read: {error}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadParameters(f"{path} is not YAML: {_without_the_line(error)}") from None
    if not isinstance(data, dict):
        raise BadParameters(f"{path} must hold keys and values, found {type(data).__name__}")
    return data


def _without_the_line(error: Exception) -> str:
    """What is wrong and where; PyYAML would repeat the line, and with it a secret that somebody wrote there."""
    problem, mark = (error.problem, error.problem_mark) if isinstance(error, yaml.MarkedYAMLError) else (None, None)
    told = " ".join(str(problem or error).split())
    return f"{told} (line {mark.line + 1}, column {mark.column + 1})" if mark else told


def from_cell(namespace: dict[str, Any]) -> Parameters:
    """The parameters that a notebook's cell holds; all None means the practice range (parameters/demo.yaml)."""
    given = {key: namespace[key] for key in Parameters.model_fields if namespace.get(key) is not None}
    if not given:
        return load(project_root() / PRACTICE_RANGE)
    return check(given, "the parameters cell (papermill -f parameters/YOURS.yaml gives all of it)")


def check(data: dict[str, Any], where: str) -> Parameters:
    """Validated parameters; BadParameters names the place and every fault, the first one in full.

    What looks like a secret is refused before anything else, without being repeated: the parameters go into the record.
    """
    if places := secret_places(data):
        raise BadParameters(
            f"{where}: {', '.join(places)}: this holds a secret; write where it is instead: env:NAME, file:PATH or "
            "secret:namespace/name#key"
        )
    try:
        return Parameters.model_validate(data)
    except ValidationError as error:
        raise BadParameters(f"{where}: {told(error)}") from None


def told(error: ValidationError, example: str = EXAMPLE) -> str:
    """What is wrong with a file: the first fault in full, the places of the others."""
    faults = [_fault(dict(e), example) for e in error.errors()]
    others = "; ".join(fault.split(":")[0] for fault in faults[1:6])
    return faults[0] + (f" (and {len(faults) - 1} more: {others})" if others else "")


def _fault(error: dict[str, Any], example: str) -> str:
    # a union's tag is part of pydantic's path, not of the file's
    key = re.sub(r"^(traffic\.knob)\.[a-z-]+(?=\.|$)", r"\1", ".".join(str(part) for part in error["loc"]))
    # a value that may be a secret is not said aloud
    secret = error["type"] == "not_a_reference" or any(names_it(str(part)) for part in error["loc"])
    found = "" if secret or isinstance(error["input"], dict | list) else f", found {error['input']!r}"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"{key}: this key is not known; see {example}"
    if error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        kinds = str(error.get("ctx", {}).get("expected_tags", "")) or f"see {example}"
        return f"{key}.kind: there is no such kind; there are {kinds}"
    if error["type"] == "missing":
        return f"{key}: this key is missing"
    return f"{key}: {message}{found}" if key else message


def duration(text: str, where: str) -> timedelta:
    """A notebook's own duration parameter; BadParameters names it when it is none."""
    try:
        return read_duration(text)
    except ValueError as error:
        raise BadParameters(f"{where}: {error}") from None


def schema() -> dict[str, Any]:
    """JSON Schema of a parameters file, for editors; parameters/schema.json is its committed copy."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Parameters.model_json_schema()}


if __name__ == "__main__":
    import json

    print(json.dumps(schema(), indent=1, ensure_ascii=False))
