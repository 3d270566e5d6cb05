"""The OpenAPI document: every media type, the security scheme, every error, and nothing else's."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.representations import BY_SUFFIX, FORMATS
from app.selections import PARAMETERS
from app.web.uploads import MEDIA_TYPES
from conftest import SEED, Site, above_the_store

pytestmark = above_the_store


@pytest.fixture
def document(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.client.get("/openapi.json").json()
    return found


def test_the_article_is_documented_in_every_representation(document: dict[str, Any]) -> None:
    responses = document["paths"]["/news/{slug}"]["get"]["responses"]
    assert set(responses["200"]["content"]) == {form.media_type for form in FORMATS}
    assert {"304", "308", "404", "406", "410", "412", "503"} <= set(responses)
    for suffix, form in BY_SUFFIX.items():
        twin = document["paths"][f"/news/{{slug}}{suffix}"]["get"]["responses"]
        assert set(twin["200"]["content"]) == {form.media_type}


def test_loading_names_what_it_takes_who_may_and_how_it_fails(document: dict[str, Any]) -> None:
    load = document["paths"]["/admin/loads"]["post"]
    assert set(load["requestBody"]["content"]) == set(MEDIA_TYPES)
    assert load["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert {"200", "400", "401", "403", "413", "415", "422", "500", "503"} <= set(load["responses"])


def test_every_error_is_a_problem_and_no_reference_is_dangling(document: dict[str, Any]) -> None:
    text = str(document)
    assert "HTTPValidationError" not in text
    references = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= set(document["components"]["schemas"])
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status[0] in "45" and status != "422":
                    assert "application/problem+json" in response["content"]


def test_c01_the_document_says_how_long_it_is_fresh_and_any_site_may_read_it(site: Site) -> None:
    answer = site.client.get("/openapi.json")
    assert answer.headers["cache-control"].startswith("public, max-age=60")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    asked = {"If-None-Match": answer.headers["etag"]}
    assert site.client.get("/openapi.json", headers=asked).status_code == 304
    assert site.client.head("/openapi.json").status_code == 200


def test_no_page_of_ours_loads_scripts_from_other_hosts(site: Site) -> None:
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
                schema = {**content["schema"], "components": document["components"]}
                Draft202012Validator(schema).validate(answer.json())
    stated = {each["name"] for each in document["paths"]["/news"]["get"]["parameters"]}
    assert stated == set(PARAMETERS)
