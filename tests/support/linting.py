"""`python linting.py`: lint HTTP responses with REDbot. Cases and findings are JSON.

It is a script because the event loop of REDbot cannot run twice in a process.
"""

import json
import sys
from configparser import ConfigParser
from typing import Any, Final

import thor
from redbot.resource import HttpResource

SECONDS: Final = 60


def lint(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Check all cases concurrently, and return the findings for each."""
    config = ConfigParser()
    config.read_dict({"redbot": {"enable_local_access": "True"}})
    checked = []
    waiting = set(range(len(cases)))

    def done(number: int) -> None:
        waiting.discard(number)
        if not waiting:
            thor.stop()

    for number, case in enumerate(cases):
        resource = HttpResource(config["redbot"])
        resource.set_request(
            case["base"] + case["path"], case["method"], list(case["fields"].items())
        )
        for each in resource, *resource.subreqs.values():
            each.response.request = each.request  # by which it recognises a preflight
        resource.on("check_done", lambda number=number: done(number))
        checked.append(resource)
        resource.check()
    thor.schedule(SECONDS, thor.stop)
    thor.run()
    return [found(resource) for resource in checked]


def found(resource: HttpResource) -> dict[str, Any]:
    """Return the findings about a response, and about those that REDbot requested in addition."""
    asked = {"asked": resource, **resource.subreqs}
    responses = [*resource.nonfinal_responses, *(each.response for each in asked.values())]
    return {
        "done": resource.check_done,
        "statuses": {name: each.response.status_code for name, each in asked.items()},
        "gzip": resource.gzip_support,
        "notes": sorted(
            {
                (note.level.value, type(note).__name__, note.summary)
                for response in responses
                for one in response.notes
                for note in (one, *one.subnotes)
            }
        ),
    }


if __name__ == "__main__":
    json.dump(lint(json.load(sys.stdin)), sys.stdout)
