"""`dry_run=true`: the report is what the OpenAPI document promises, whatever the outcomes."""

import pytest
from jsonschema import Draft202012Validator

from tests.support.feed_records import ndjson, record
from tests.support.site import Site, post_feed


@pytest.mark.parametrize(
    ("feed", "query", "status"),
    [
        (ndjson(record("a"), {}), "", 200),
        (ndjson({}, record("b", title="")), "", 422),
        (ndjson(record("a"), {}), "&mode=atomic", 422),
        ("[]", "", 200),
    ],
)
def test_i09_the_report_of_a_dry_run_matches_the_openapi_document(
    site: Site, feed: str, query: str, status: int
) -> None:
    document = site.client.get("/openapi.json").json()
    response = post_feed(site, feed, f"dry_run=true{query}")
    assert response.status_code == status
    assert response.json()["load"] is None
    media_type = response.headers["content-type"]
    described = document["paths"]["/admin/loads"]["post"]["responses"][str(status)]
    schema = {**described["content"][media_type]["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(response.json())
