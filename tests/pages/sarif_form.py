"""What SARIF 2.1.0 demands of the properties that are written here (OASIS, 2020), with no other property allowed."""

from __future__ import annotations

from typing import Any


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _list(items: Any, **limits: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **limits}


TEXT = {"type": "string"}
MESSAGE = _object(["text"], text=TEXT)
FORMATTED = _object(["text"], text=TEXT, markdown=TEXT)  # 3.12
LEVEL = {"enum": ["none", "note", "warning", "error"]}  # 3.27.10
KIND = {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]}  # 3.27.9
BAG = {"type": "object", "properties": {"tags": _list(TEXT, uniqueItems=True)}}  # 3.8
RULE = _object(  # 3.49
    ["id"],
    id=TEXT,
    shortDescription=FORMATTED,
    fullDescription=FORMATTED,
    help=FORMATTED,
    helpUri={"type": "string", "format": "uri"},
    defaultConfiguration=_object([], level=LEVEL),
)
LOCATION = _object(  # 3.28
    [],
    physicalLocation=_object(
        ["artifactLocation"],
        artifactLocation=_object([], uri={"type": "string", "format": "uri-reference"}),
        region=_object(["startLine"], startLine={"type": "integer", "minimum": 1}),
    ),
    logicalLocations=_list(_object([], fullyQualifiedName=TEXT, kind=TEXT), uniqueItems=True),
)
SUPPRESSION = _object(  # 3.35
    ["kind"],
    kind={"enum": ["inSource", "external"]},
    status={"enum": ["accepted", "underReview", "rejected"]},
    justification=TEXT,
)
LINE = {"type": "integer", "minimum": 1}
REGION = _object(["startLine"], startLine=LINE, startColumn=LINE, endLine=LINE, endColumn=LINE)  # 3.30
FIX = _object(  # 3.55
    ["artifactChanges"],
    artifactChanges=_list(
        _object(  # 3.56
            ["artifactLocation", "replacements"],
            artifactLocation=_object([], uri={"type": "string", "format": "uri-reference"}),
            replacements=_list(
                _object(["deletedRegion"], deletedRegion=REGION, insertedContent=MESSAGE),  # 3.57
                minItems=1,
            ),
        ),
        minItems=1,
    ),
)
RESULT = _object(  # 3.27
    ["message"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    kind=KIND,
    level=LEVEL,
    message=MESSAGE,
    locations=_list(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions=_list(SUPPRESSION, uniqueItems=True),
    fixes=_list(FIX, uniqueItems=True),
    properties=BAG,
) | {  # whoever has a level has failed
    "if": {"properties": {"kind": {"not": {"const": "fail"}}}},
    "then": {"properties": {"level": {"const": "none"}}},
}
FORM = _object(  # 3.13
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs=_list(
        _object(  # 3.14
            ["tool"],
            tool=_object(
                ["driver"], driver=_object(["name"], name=TEXT, version=TEXT, rules=_list(RULE, uniqueItems=True))
            ),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results=_list(RESULT),
        )
    ),
)
