"""The OpenAPI document: every media type, the security scheme, every error, and nothing else's."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator

from app.http.query_params import openapi_parameters
from app.representations.article import BY_SUFFIX, FORMATS
from app.search.listing_params import NewsParams
from app.web.openapi import examples
from app.web.problems import problem_format
from app.web.uploads.request_body import MEDIA_TYPES
from tests.support.paths import SEED
from tests.support.site import Site, one_database

pytestmark = one_database
OPERATORS = "/admin"

PARAMETERS = tuple(each["name"] for each in openapi_parameters(NewsParams))


@pytest.fixture
def document(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.client.get("/openapi.json").json()
    return found


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def resolved(document: Mapping[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Return what `value` refers to, or itself where it is no reference."""
    found: Any = document
    if "$ref" not in value:
        return value
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def check(document: Mapping[str, Any], schema: Mapping[str, Any], value: object) -> None:
    whole = {**schema, "components": document["components"]}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.validate(value)


def test_the_article_is_documented_in_every_representation(document: dict[str, Any]) -> None:
    responses = document["paths"]["/news/{slug}"]["get"]["responses"]
    assert set(responses["200"]["content"]) == {form.media_type for form in FORMATS}
    assert {"304", "308", "404", "406", "410", "412", "503"} <= set(responses)
    for suffix, form in BY_SUFFIX.items():
        twin = document["paths"][f"/news/{{slug}}{suffix}"]["get"]["responses"]
        assert set(twin["200"]["content"]) == {form.media_type}


def test_the_load_operation_documents_its_media_types_security_and_errors(
    document: dict[str, Any],
) -> None:
    load = document["paths"]["/admin/loads"]["post"]
    assert set(load["requestBody"]["content"]) == set(MEDIA_TYPES)
    assert load["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert {"200", "400", "401", "403", "413", "415", "422", "500", "503"} <= set(load["responses"])


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
@pytest.mark.parametrize("feed", [b"[{}]", SEED.read_bytes()], ids=["rejected", "accepted"])
def test_i09_the_report_of_a_load_is_as_documented(
    document: dict[str, Any], site: Site, query: str, feed: bytes
) -> None:
    answer = site.client.post(f"/admin/loads{query}", content=feed, headers=site.authorized)
    assert answer.status_code == (422 if feed == b"[{}]" else 200)
    operation = document["paths"]["/admin/loads"]["post"]
    content = operation["responses"][str(int(answer.status_code))]["content"]
    check(document, content["application/json"]["schema"], answer.json())


def test_every_error_is_a_problem_and_no_reference_is_dangling(document: dict[str, Any]) -> None:
    text = str(document)
    assert "HTTPValidationError" not in text
    references = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= set(document["components"]["schemas"])
    for path, operation in operations(document):
        form, negotiated = problem_format(path, "")
        for status, response in operation["responses"].items():
            if status[0] in "45" and status != "422":
                assert form in response["content"]
                assert negotiated == (len(response["content"]) > 1)


def test_c01_the_document_says_how_long_it_is_fresh_and_any_site_may_read_it(site: Site) -> None:
    answer = site.client.get("/openapi.json")
    assert answer.headers["cache-control"].startswith("public, max-age=60")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    asked = {"If-None-Match": answer.headers["etag"]}
    assert site.client.get("/openapi.json", headers=asked).status_code == 304
    assert site.client.head("/openapi.json").status_code == 200


def test_swagger_ui_and_redoc_are_disabled(site: Site) -> None:
    assert site.client.get("/docs").status_code == 404
    assert site.client.get("/redoc").status_code == 404


def test_listings_and_the_change_feed_are_documented_as_they_answer(
    document: dict[str, Any], site: Site
) -> None:
    site.loaded(SEED.read_bytes())
    for path in document["paths"]:
        if "{" in path or path.startswith(("/admin", "/health", "/openapi", "/negotiate")):
            continue
        operation = document["paths"][path]["get"]
        for media_type, content in operation["responses"]["200"]["content"].items():
            if media_type == "text/event-stream":
                continue
            answer = site.client.get(path, headers={"Accept": media_type})
            assert answer.status_code == 200
            assert answer.headers["content-type"].partition(";")[0] == media_type
            if "$ref" in content["schema"]:
                check(document, content["schema"], answer.json())
    stated = {each["name"] for each in document["paths"]["/news"]["get"]["parameters"]}
    assert stated == set(PARAMETERS)


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation.get("operationId", path) for path, operation in operations(document)]
    assert len(set(names)) == len(names)


def test_every_json_response_for_readers_has_a_schema_and_an_example(
    document: dict[str, Any],
) -> None:
    typed = 0
    for path, operation in operations(document):
        shown = operation["responses"].get("200", {}).get("content", {})
        for media_type, content in shown.items():
            if path.startswith(OPERATORS) or not media_type.endswith("json"):
                continue
            if media_type == "application/x-ndjson":
                continue
            typed += 1
            schema = resolved(document, content["schema"])
            assert schema.get("properties") or schema.get("additionalProperties"), path
            assert content["examples"], path
            for example in content["examples"].values():
                check(document, content["schema"], resolved(document, example)["value"])
    assert typed == 27


def test_every_parameter_of_readers_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if not path.startswith(OPERATORS):
                assert parameter["schema"], parameter
                check(document, parameter["schema"], parameter["example"])


def test_every_example_of_a_parameter_of_listings_is_taken(
    document: dict[str, Any], site: Site
) -> None:
    site.loaded(json.dumps(examples.RECORDS))
    for path in "/news", "/topics", "/changes":
        for parameter in document["paths"][path]["get"]["parameters"]:
            example, name = parameter["example"], parameter["name"]
            values = example if isinstance(example, list) else [example]
            if parameter.get("explode") is False:
                values = [",".join(values)]
            answer = site.client.get(f"{path}.json", params={name: values})
            # A cursor is good for the database alone that sealed it.
            assert answer.status_code == (400 if name == "cursor" else 200), answer.text


def test_the_examples_equal_the_server_s_responses(open_site: Callable[..., Site]) -> None:
    site = open_site(public_base_url=examples.SITE.base_url, site_name=examples.SITE.name)
    site.clock.now = examples.LOADED_AT
    site.loaded(json.dumps(examples.RECORDS))
    shown = site.client.get("/openapi.json").json()["components"]["examples"]
    article = f"/news/{examples.RECORDS[0]['slug']}"
    asked = {
        "Article": f"{article}.json",
        "NewsArticle": f"{article}.jsonld",
        "Related": f"{article}/related.json",
        "Listing": f"/news.json?{examples.ASKED}",
        "Feed": "/news.feed.json?limit=1",
        "Topics": "/topics.json",
        "Entities": "/entities.json",
        "Changes": "/changes.json",
        "NegotiationReport": f"/negotiate?{urlencode({'accept': examples.ACCEPT})}",
        "ProblemDetails": "/news.json?limit=101",
    }
    assert set(shown) == set(asked)
    for name, path in asked.items():
        answer, example = site.get(path, "application/json").json(), shown[name]["value"]
        for page in answer, example:
            # A cursor is sealed by the database that gives it.
            for following in {"next", "next_url"} & page.keys():
                page[following] = (page[following] or "").partition("cursor=")[0]
        assert answer == example, name


def test_articles_are_documented_as_they_answer(document: dict[str, Any], site: Site) -> None:
    site.loaded(json.dumps(examples.RECORDS))
    for path, operation in operations(document):
        if "{slug}" not in path or path.startswith(OPERATORS):
            continue
        here = path.replace("{slug}", operation["parameters"][0]["example"])
        for media_type, content in operation["responses"].get("200", {}).get("content", {}).items():
            answer = site.client.get(here, headers={"Accept": media_type})
            assert answer.headers["content-type"].partition(";")[0] == media_type
            if "$ref" in content["schema"]:
                check(document, content["schema"], answer.json())
