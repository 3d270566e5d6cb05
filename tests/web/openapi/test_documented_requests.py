"""Requests generated from the OpenAPI document: valid ones succeed, invalid ones are refused.

Rules between parameters that a schema cannot express are stated in the descriptions, and `combined`
keeps to them: `slug` stands alone, a search is not sorted by update, positions come from responses.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.search.listing_params import FilterParams
from app.web.openapi import examples
from tests.support.site import Site, one_database

pytestmark = one_database

PATHS: Final = (
    "/news.json",
    "/entities/{slug}.feed.json",
    "/topics.json",
    "/changes.json",
)
EXAMPLES_PER_PATH: Final = 10
ISSUED: Final = frozenset({"cursor", "after", "since"})
"""Parameters whose values are taken from earlier responses."""


def text(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "pattern" in schema:
        found = st.from_regex(schema["pattern"])
    elif schema.get("format") == "date":
        found = st.dates().map(str)
    elif schema.get("format") == "date-time":
        instants = st.datetimes(timezones=st.timezones(no_cache=True))
        found = instants.map(lambda at: at.replace(microsecond=0, tzinfo=None).isoformat() + "Z")
    else:
        found = st.text(st.characters(codec="utf-8"))
    longest = schema.get("maxLength", 1_000)
    return found.filter(lambda value: len(value) <= longest and "\n" not in value)


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that are valid by a parameter's schema."""
    if "anyOf" in schema:
        return st.one_of(*map(values, schema["anyOf"]))
    if "const" in schema:
        return st.just(schema["const"])
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if schema["type"] == "array":
        most = min(schema.get("maxItems", 5), 5)
        return st.lists(values(schema["items"]), min_size=1, max_size=most)
    return text(schema)


def queries(parameters: Mapping[str, Mapping[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    optional = {
        name: values(each["schema"]).map(partial(serialized, each))
        for name, each in parameters.items()
        if name not in ISSUED
    }
    return st.fixed_dictionaries({}, optional=optional).map(combined)


def serialized(parameter: Mapping[str, Any], value: Any) -> Any:
    if parameter.get("explode") is False:
        return ",".join(value)
    return value


def combined(query: dict[str, Any]) -> dict[str, Any]:
    """Return `query` without what its parameters' descriptions exclude."""
    if "slug" in query:
        return {name: query[name] for name in ("slug", "fields", "include") if name in query}
    if query.get("q", "").strip() and query.get("sort", "").endswith("updated_at"):
        del query["sort"]
    if "wait" in query:
        query["wait"] = 0
    return query


def parameters_of(document: Mapping[str, Any], path: str) -> dict[str, Mapping[str, Any]]:
    operation = document["paths"][path]["get"]
    return {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}


def address(path: str) -> str:
    slug = "transport" if path.startswith("/topics") else "river-city"
    return path.replace("{slug}", slug)


@pytest.fixture
def loaded(site: Site) -> Site:
    site.loaded(json.dumps(examples.RECORDS))
    return site


@pytest.mark.parametrize("path", PATHS)
def test_l01_every_query_that_is_valid_by_the_document_succeeds(loaded: Site, path: str) -> None:
    document = loaded.client.get("/openapi.json").json()
    operation = document["paths"][path]["get"]
    (content,) = operation["responses"]["200"]["content"].values()
    validator = Draft202012Validator({**content["schema"], "components": document["components"]})

    # Patterns often yield values beyond maxLength, which are left out.
    @settings(
        max_examples=EXAMPLES_PER_PATH,
        deadline=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(queries(parameters_of(document, path)))
    def check(query: dict[str, Any]) -> None:
        answer = loaded.client.get(address(path), params=query)
        assert answer.status_code == 200, (query, answer.text)
        if "$ref" in content["schema"]:
            validator.validate(answer.json())

    check()


def invalid(schema: Mapping[str, Any]) -> list[str]:
    """Return values that are just not valid by a parameter's schema."""
    if schema.get("type") == "array":
        return invalid(schema["items"])
    if "anyOf" in schema:
        return ["", "yesterday", "1.5"]
    if schema["type"] == "integer":
        return [str(schema["minimum"] - 1), str(schema["maximum"] + 1), "x", "", "1.0"]
    found = ["not one of them"] if "enum" in schema else []
    if "pattern" in schema:
        found.append("\0")
    if "maxLength" in schema:
        found.append("a" * (schema["maxLength"] + 1))
    return found


@pytest.mark.parametrize("path", PATHS)
def test_l01_every_value_that_is_invalid_by_the_document_is_named(loaded: Site, path: str) -> None:
    document = loaded.client.get("/openapi.json").json()
    parameters = parameters_of(document, path)
    for name, parameter in parameters.items():
        for value in invalid(parameter["schema"]):
            answer = loaded.client.get(address(path), params={name: value})
            assert answer.status_code == 400, (name, value)
            assert name in answer.text
        most = parameter["schema"].get("maxItems")
        if most is not None:
            many = {name: ["a"] * (most + 1)}
            assert loaded.client.get(address(path), params=many).status_code == 400
    assert loaded.client.get(address(path), params={"unknown": 1}).status_code == 400


def test_the_document_names_every_parameter_of_a_listing(loaded: Site) -> None:
    document = loaded.client.get("/openapi.json").json()
    documented = parameters_of(document, "/topics/{slug}.json")
    assert len(documented) == len(FilterParams.model_fields)


def test_only_addresses_that_answer_200_are_documented(loaded: Site) -> None:
    document = loaded.client.get("/openapi.json").json()
    assert not [path for path in document["paths"] if path.endswith(("/", ".html"))]
