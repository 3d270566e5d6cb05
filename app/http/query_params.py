"""Query parameters as pydantic models: one model validates a query and documents its parameters.

A model's fields are the parameters, by their aliases. Fields of a tuple type may be repeated in a
query, others may not. `openapi_parameters` derives the OpenAPI document's parameters from the same
model.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError

from app.text import excerpt, strip_pydantic_prefix

FAULTS_AT_MOST: Final = 20
PARAMETERS_AT_MOST: Final = 100
LARGEST: Final = 2**63 - 1

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


def invalid_parameter(name: str, reason: str) -> InvalidQueryError:
    """Return the error for one parameter that is not valid."""
    return InvalidQueryError([InvalidParameter(name, reason)])


def parse_pairs(query: str) -> list[tuple[str, str]]:
    """Return the names and values in `query`, in order. Raises InvalidQueryError."""
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(pairs) > PARAMETERS_AT_MOST:
        reason = f"{len(pairs)} parameters are given, and at most {PARAMETERS_AT_MOST} are allowed"
        raise invalid_parameter("", reason)
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
        details = error.errors(include_url=False, include_input=False, include_context=False)
        faults += [
            InvalidParameter(str(each["loc"][0]), strip_pydantic_prefix(each["msg"]))
            for each in details
        ]
    if faults:
        raise InvalidQueryError(faults)
    return params


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
    """Return the decimal number `text` is, in its one canonical spelling and 64 bits, or None."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))
    found = int(text) if is_number else -1
    return found if str(found) == text and found <= LARGEST else None


def number_between(low: int, high: int) -> Callable[[object], int]:
    """Return a validator of a whole number from `low` to `high` in its canonical spelling."""

    def check(value: object) -> int:
        found = parse_number(str(value))
        if found is None or not low <= found <= high:
            raise ValueError(f"must be a number from {low} to {high}")
        return found

    return check


def one_of(values: Collection[str]) -> Callable[[str], str]:
    """Return a validator of a text that is one of `values`."""

    def check(value: str) -> str:
        if value not in values:
            raise ValueError(f"{excerpt(value)!r} is not one of {', '.join(values)}")
        return value

    return check


def valid_if(is_valid: Callable[[str], bool], what: str) -> Callable[[str], str]:
    """Return a validator of a text that is a `what` according to `is_valid`."""

    def check(value: str) -> str:
        if not is_valid(value):
            raise ValueError(f"{excerpt(value)!r} is not a {what}")
        return value

    return check


def distinct(at_most: int) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Return a validator that removes repeated values and refuses more than `at_most` others."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(values))
        if len(found) > at_most:
            raise ValueError(f"{len(found)} values are given, and at most {at_most} are allowed")
        return found

    return check
