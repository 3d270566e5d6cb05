"""Query parameters as pydantic models: one model validates a query and documents its parameters.

A model's fields are the parameters, by their aliases. Fields of a tuple type may be repeated in a
query, others may not. `openapi_parameters` derives the OpenAPI document's parameters from the same
model.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from app.text import excerpt, strip_pydantic_prefix

FAULTS_AT_MOST: Final = 20
PARAMETERS_AT_MOST: Final = 100
LARGEST: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_REASONS: Final[Mapping[str, str]] = {
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "has {actual_length} values, and at most {max_length} are allowed",
}
"""The text used instead of pydantic's message, by the type of its error."""

Params = TypeVar("Params", bound="QueryParams")
Parameter = dict[str, Any]


class InvalidParameter(NamedTuple):
    """A parameter that is not valid, and the reason."""

    name: str
    reason: str


class InvalidQueryError(ValueError):
    """The query is not valid. `faults` holds at most FAULTS_AT_MOST."""

    def __init__(self, faults: Collection[InvalidParameter]) -> None:
        self.faults = tuple(faults)[:FAULTS_AT_MOST]
        super().__init__("; ".join(f"{fault.name}: {fault.reason}" for fault in self.faults))


class QueryParams(BaseModel):
    """The parameters of a resource. Subclasses declare them; unknown ones are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def invalid_combinations(self) -> Iterable[InvalidParameter]:
        """Yield parameters that are valid alone but cannot be combined with others."""
        return ()


def invalid_parameter(name: str, reason: str) -> InvalidQueryError:
    """Return the error for one parameter that is not valid."""
    return InvalidQueryError([InvalidParameter(name, reason)])


def parse_pairs(query: str) -> list[tuple[str, str]]:
    """Return the names and values in `query`, in order. Raises InvalidQueryError."""
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(pairs) > PARAMETERS_AT_MOST:
        reason = f"{len(pairs)} parameters are given, and at most {PARAMETERS_AT_MOST} are allowed"
        raise invalid_parameter("query", reason)
    return pairs


def validate(model: type[Params], pairs: Iterable[tuple[str, str]]) -> Params:
    """Return `pairs` as an instance of `model`. Raises InvalidQueryError, naming every fault."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    repeatable = _parameters(model)
    faults = []
    values: dict[str, object] = {}
    for name, found in given.items():
        if name not in repeatable:
            faults.append(_unknown(name, repeatable))
        elif repeatable[name]:
            values[name] = found
        elif len(found) > 1:
            faults.append(InvalidParameter(name, "is given more than once"))
        else:
            values[name] = found[0]
    try:
        params = model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False)
        faults += map(_invalid, details)
        positions = {excerpt(name): place for place, name in enumerate(given)}
        faults.sort(key=lambda fault: positions[excerpt(fault.name)])
        raise InvalidQueryError(faults) from None
    faults += params.invalid_combinations()
    if faults:
        raise InvalidQueryError(faults)
    return params


def _invalid(error: ErrorDetails) -> InvalidParameter:
    name = str(error["loc"][0])
    reason = _REASONS.get(error["type"])
    if reason is None:
        return InvalidParameter(name, strip_pydantic_prefix(error["msg"]))
    # Of several values, the reason names the one at fault.
    value = f"{excerpt(error['input'])!r} " if len(error["loc"]) > 1 else ""
    return InvalidParameter(name, value + reason.format(**error["ctx"]))


def openapi_parameters(model: type[QueryParams]) -> list[Parameter]:
    """Return the OpenAPI parameters that `model` declares, in the order of its fields."""
    return [
        _openapi_parameter(name, dict(schema))
        for name, schema in model.model_json_schema(by_alias=True)["properties"].items()
    ]


def _openapi_parameter(name: str, schema: Parameter) -> Parameter:
    parameter: Parameter = {"name": name, "in": "query", "description": schema.pop("description")}
    parameter["example"] = schema.pop("examples")[0]
    if schema.pop("commaSeparated", False):
        parameter |= {"style": "form", "explode": False}
    if schema.get("default") in (None, [], ""):
        schema.pop("default", None)
    schema.pop("title")
    alternatives = [each for each in schema.pop("anyOf", ()) if each != {"type": "null"}]
    if len(alternatives) == 1:
        schema |= alternatives[0]
    elif alternatives:
        schema["anyOf"] = alternatives
    return {**parameter, "schema": schema}


@cache
def _parameters(model: type[QueryParams]) -> Mapping[str, bool]:
    """Return the names of the parameters, and whether each may be repeated."""
    properties = model.model_json_schema(by_alias=True)["properties"]
    return {name: schema.get("type") == "array" for name, schema in properties.items()}


def _unknown(name: str, known: Mapping[str, bool]) -> InvalidParameter:
    nearest = get_close_matches(name[:80], known, 1)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    return InvalidParameter(excerpt(name), f"is unknown; {hint}known are {', '.join(known)}")


def parse_number(text: str) -> int | None:
    """Return the number that `text` spells in digits without leading zeros, in 63 bits, or None."""
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST:
        return None
    return int(text)


@dataclass(frozen=True)
class Between:
    """Annotates a parameter: a whole number from `low` to `high` in its canonical spelling."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        """Return the schema of the number, with its bounds."""
        bounds = core_schema.int_schema(ge=self.low, le=self.high)
        return core_schema.no_info_before_validator_function(self._parse, bounds)

    def _parse(self, value: object) -> int:
        found = parse_number(str(value))
        if found is None or not self.low <= found <= self.high:
            raise ValueError(f"must be a number from {self.low} to {self.high}")
        return found


@dataclass(frozen=True)
class OneOf:
    """Annotates a parameter: one of `values`."""

    values: Collection[str]

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        """Return the schema of an enumeration."""
        return core_schema.literal_schema(list(self.values))
