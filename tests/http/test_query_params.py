"""Query parameters: what a model refuses, the reasons it gives, and what it documents."""

from typing import Annotated

import pytest
from pydantic import Field

from app.http.query_params import (
    Between,
    InvalidQueryError,
    OneOf,
    QueryParams,
    openapi_parameters,
    parse_number,
    parse_pairs,
    validate,
)


class Params(QueryParams):
    """The parameters of the tests."""

    size: Annotated[int, Between(1, 9)] = Field(3, description="The size.", examples=[4])
    color: tuple[Annotated[str, OneOf(("red", "blue"))], ...] = Field(
        (), alias="color.any", max_length=2, description="The colours.", examples=[["red"]]
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("17", 17), (str(2**63 - 1), 2**63 - 1), (str(2**63), None), ("-1", None),
        ("+1", None), ("01", None), ("1_0", None), (" 1", None), ("1.0", None), ("", None),
        ("٣", None), ("²", None), ("9" * 5_000, None),
    ],
)  # fmt: skip
def test_a_number_has_one_spelling(text: str, number: int | None) -> None:
    assert parse_number(text) == number


def test_l01_every_invalid_parameter_is_named_with_what_is_allowed() -> None:
    query = "size=0&color.any=red&color.any=green&colour=red&size%00=1"
    with pytest.raises(InvalidQueryError) as caught:
        validate(Params, parse_pairs(query))
    assert [tuple(fault) for fault in caught.value.faults] == [
        ("size", "must be a number from 1 to 9"),
        ("color.any", "'green' must be 'red' or 'blue'"),
        ("colour", "is unknown; did you mean color.any? known are size, color.any"),
        ("size\\x00", "is unknown; did you mean size? known are size, color.any"),
    ]
    with pytest.raises(InvalidQueryError, match="size: is given more than once"):
        validate(Params, parse_pairs("size=1&size=1"))
    with pytest.raises(InvalidQueryError, match="has 3 values, and at most 2 are allowed"):
        validate(Params, parse_pairs("color.any=red&color.any=blue&color.any=red"))


def test_the_documented_parameters_are_those_that_are_validated() -> None:
    assert openapi_parameters(Params) == [
        {
            "name": "size",
            "in": "query",
            "description": "The size.",
            "example": 4,
            "schema": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
        },
        {
            "name": "color.any",
            "in": "query",
            "description": "The colours.",
            "example": ["red"],
            "schema": {
                "type": "array",
                "items": {"type": "string", "enum": ["red", "blue"]},
                "maxItems": 2,
            },
        },
    ]
