"""`slugline check`: nothing wrong is found in what is right, and each bad proxy by its name."""

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest

from app.deployment_check import CHECKS, is_slugline, judge
from app.deployment_check.bodies import DECODERS
from app.deployment_check.exchanges import HTML, Exchange
from app.deployment_check.probes import PARAMETER, follow_up_probes, initial_probes
from app.http.content_coding import CODINGS, IDENTITY
from app.representations.article import BY_NAME, BY_SUFFIX, FORMATS
from tests.support.commands import Shell
from tests.support.paths import SEED
from tests.support.processes import Server, environment, run, serving
from tests.support.site import SEED_SLUG, TOKEN, Site, one_database

pytestmark = one_database

ASKED_WITH = "accept", "accept-encoding", "if-none-match"
ARTICLE = f"/news/{SEED_SLUG}"
FINE = "The responses arrive as the site sent them."


@dataclass(frozen=True)
class Asked:
    """What came to a proxy. Names of fields are in lower case."""

    method: str
    path: str
    fields: dict[str, str]

    def without(self, *names: str) -> "Asked":
        kept = {name: value for name, value in self.fields.items() if name not in names}
        return replace(self, fields=kept)


@dataclass(frozen=True)
class Reply:
    """What a proxy answers with."""

    status: int
    fields: dict[str, str]
    body: bytes

    def saying(self, **fields: str | None) -> "Reply":
        """Return it with other `fields`, without those that are None."""
        changed = {**self.fields, **{name.replace("_", "-"): it for name, it in fields.items()}}
        return replace(self, fields={name: it for name, it in changed.items() if it is not None})


PassOn = Callable[[Asked], Reply]
Behaviour = Callable[[Asked, PassOn], Reply]


@dataclass
class Origin:
    """The site that all the proxies stand in front of. What is the same is asked of it once.

    A query changes nothing of an article: there is a test of that, and a proxy sees it.
    """

    site: str
    known: dict[tuple[str, str, frozenset[tuple[str, str]]], Reply] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Reply:
        said = {name: it for name, it in asked.fields.items() if name in {*ASKED_WITH}}
        path = asked.path.partition("?")[0]
        key = asked.method, path, frozenset(said.items())
        if key not in self.known:
            self.known[key] = self._ask(asked.method, path, said)
        return self.known[key]

    def _ask(self, method: str, path: str, fields: dict[str, str]) -> Reply:
        with closing(HTTPConnection(self.site.partition("//")[2], timeout=10)) as connection:
            connection.request(method, path, headers=fields)
            answer = connection.getresponse()
            given = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, given, answer.read())


def sent(behave: Behaviour, asked: Asked, pass_on: PassOn) -> Reply:
    """Return what a proxy that does as `behave` says puts on the wire."""
    reply = behave(asked, pass_on)
    length = {} if reply.status == 304 else {"content-length": str(len(reply.body))}
    body = b"" if asked.method == "HEAD" else reply.body
    return Reply(reply.status, {**length, **reply.fields}, body)


@contextmanager
def in_front(pass_on: PassOn, behave: Behaviour) -> Iterator[str]:
    """Run a proxy that does as `behave` says in front of a site, and give its own address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            fields = {name.lower(): value for name, value in self.headers.items()}
            reply = sent(behave, Asked(self.command, self.path, fields), pass_on)
            self.send_response_only(reply.status)
            for name, value in reply.fields.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_HEAD = answer  # noqa: N815 - the names that the server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Wire(httpx2.BaseTransport):
    """A proxy in front of a site that is reached without a socket."""

    pass_on: PassOn
    behave: Behaviour

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        fields = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, request.url.raw_path.decode(), fields)
        reply = sent(self.behave, asked, self.pass_on)
        stream = httpx2.ByteStream(reply.body)
        return httpx2.Response(reply.status, headers=reply.fields, stream=stream)


def saying(**fields: str | None) -> Behaviour:
    """Return a proxy that changes header fields alone."""
    return lambda asked, pass_on: pass_on(asked).saying(**fields)


def cache(keep: Callable[[Reply], bool], *key: str) -> Behaviour:
    """Return a cache that keeps some answers to GET, by their URL and by the fields in `key`."""
    kept: dict[tuple[str, ...], Reply] = {}

    def behave(asked: Asked, pass_on: PassOn) -> Reply:
        place = (asked.path, *(asked.fields.get(name, "") for name in key))
        if place in kept and ("if-none-match" not in asked.fields or not key):
            return kept[place].saying(age="1")
        reply = pass_on(asked)
        if keep(reply) and (asked.method, reply.status) == ("GET", 200):
            kept[place] = reply
        return reply

    return behave


def is_public(reply: Reply) -> bool:
    return reply.fields["cache-control"].startswith("public")


def forgetting_conditions(asked: Asked, pass_on: PassOn) -> Reply:
    return pass_on(asked.without("if-none-match"))


def not_modified_whatever_is_held(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(asked.without("if-none-match"))
    return replace(reply, status=304, body=b"") if "if-none-match" in asked.fields else reply


def not_modified_without_etag(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(asked)
    return reply.saying(etag=None) if reply.status == 304 else reply


def not_modified_with_another_etag(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(asked)
    return reply.saying(etag='"another"') if reply.status == 304 else reply


def weakening(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(asked)
    return reply.saying(etag=f"W/{reply.fields['etag']}")


def marking_etags(asked: Asked, pass_on: PassOn) -> Reply:
    """As a well-known server does that compresses."""
    reply = pass_on(asked)
    return reply.saying(etag=reply.fields["etag"][:-1] + '-gzip"')


def packing_again(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(asked)
    if reply.fields.get("content-encoding") != "gzip" or not reply.body:
        return reply
    return replace(reply.saying(content_length=None), body=gzip.compress(reply.body))


def packing_again_and_saying_so(asked: Asked, pass_on: PassOn) -> Reply:
    reply = packing_again(asked, pass_on)
    coded = reply.fields.get("content-encoding") == "gzip"
    return reply.saying(content_encoding="gzip, gzip") if coded else reply


def packing_for_everybody(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(replace(asked, fields={**asked.fields, "accept-encoding": "identity"}))
    fields = reply.saying(content_encoding="gzip", content_length=None)
    return replace(fields, body=gzip.compress(reply.body) if reply.body else b"")


def claiming_a_coding(name: str) -> Behaviour:
    def behave(asked: Asked, pass_on: PassOn) -> Reply:
        reply = pass_on(asked)
        return reply if reply.status == 304 else reply.saying(content_encoding=name)

    return behave


def dropping_suffixes(asked: Asked, pass_on: PassOn) -> Reply:
    path, mark, query = asked.path.partition("?")
    for suffix in BY_SUFFIX:
        path = path.removesuffix(suffix)
    return pass_on(replace(asked, path=path + mark + query))


def dropping_accept(asked: Asked, pass_on: PassOn) -> Reply:
    return pass_on(asked.without("accept"))


def minifying(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(asked)
    smaller = replace(reply.saying(content_length=None), body=reply.body.replace(b"\n", b""))
    return smaller if "content-encoding" not in reply.fields and asked.method == "GET" else reply


def refusing_heads(asked: Asked, pass_on: PassOn) -> Reply:
    return Reply(501, {}, b"") if asked.method == "HEAD" else pass_on(asked)


def forgetting_in_heads(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(asked)
    return reply.saying(etag=None, vary=None) if asked.method == "HEAD" else reply


def one_etag(asked: Asked, pass_on: PassOn) -> Reply:
    return saying(etag='"one"')(asked.without("if-none-match"), pass_on)


def without_charset(asked: Asked, pass_on: PassOn) -> Reply:
    reply = pass_on(asked)
    claimed = reply.fields.get("content-type")
    return reply.saying(content_type=claimed.partition(";")[0]) if claimed else reply


FORMS = {"Browsers get the page", "Agents get what they accept"}
BAD: dict[str, tuple[Behaviour, set[str]]] = {
    "a cache by URL alone that keeps everything": (
        cache(lambda _: True),
        FORMS | {"Conditional requests", "Codings as asked"},
    ),
    "a cache by URL alone that heeds Cache-Control": (
        cache(is_public),
        {"Agents get what they accept", "Conditional requests", "Codings as asked"},
    ),
    "a cache that forgets Accept": (
        cache(is_public, "accept-encoding"),
        {"Agents get what they accept"},
    ),
    "a cache that forgets Accept-Encoding": (
        cache(is_public, "accept"),
        {"Codings as asked"},
    ),
    "strips Vary": (saying(vary=None), {"Vary"}),
    "cuts Vary down": (saying(vary="Accept-Encoding"), {"Vary"}),
    "strips ETags": (saying(etag=None), {"ETag"}),
    "weakens ETags": (weakening, {"Strong ETag"}),
    "marks ETags": (marking_etags, {"Conditional requests", "Bytes unchanged"}),
    "one ETag for all": (
        one_etag,
        {"An ETag for each representation", "Conditional requests", "Bytes unchanged"},
    ),
    "strips Content-Location": (saying(content_location=None), {"Content-Location"}),
    "strips Link": (saying(link=None), {"Link"}),
    "strips CDN-Cache-Control": (saying(cdn_cache_control=None), {"CDN-Cache-Control"}),
    "sets Cache-Control": (saying(cache_control="max-age=14400"), {"Cache-Control"}),
    "strips policies": (
        saying(x_content_type_options=None, content_security_policy=None),
        {"Browser policies"},
    ),
    "strips the charset": (without_charset, {"Content-Type"}),
    "forgets conditions": (forgetting_conditions, {"Conditional requests"}),
    "304 whatever is held": (not_modified_whatever_is_held, {"Conditional requests"}),
    "304 without ETag": (not_modified_without_etag, {"Conditional requests"}),
    "304 with another ETag": (not_modified_with_another_etag, {"Conditional requests"}),
    "packs again": (packing_again, {"Compressed once"}),
    "packs again and says so": (packing_again_and_saying_so, {"Compressed once"}),
    "packs for everybody": (
        packing_for_everybody,
        {"Codings as asked"},
    ),
    "claims gzip": (claiming_a_coding("gzip"), {"Bodies decode", "Codings as asked"}),
    "claims another coding": (claiming_a_coding("zz"), {"Bodies decode", "Codings as asked"}),
    "drops suffixes": (dropping_suffixes, {"Twins keep their form"}),
    "drops Accept": (
        dropping_accept,
        {"Agents get what they accept", "Conditional requests"},
    ),
    "minifies": (minifying, {"Bytes unchanged"}),
    "refuses HEAD": (refusing_heads, {"Status"}),
    "forgets fields of HEAD": (forgetting_in_heads, {"HEAD", "ETag", "Vary"}),
}
GOOD: dict[str, Behaviour] = {
    "passes on": lambda asked, pass_on: pass_on(asked),
    "keeps by what Vary says": cache(is_public, "accept", "accept-encoding"),
    "adds to fields": lambda asked, pass_on: pass_on(asked).saying(via="1.1 x", age="3"),
    "takes an address for a whole one": lambda asked, pass_on: whole(pass_on(asked)),
}


def whole(reply: Reply) -> Reply:
    location = reply.fields.get("content-location")
    varies = f"{reply.fields['vary']}, Origin"
    reply = reply.saying(vary=varies.replace(" ", ""))
    return reply.saying(content_location=f"https://x.example{location}") if location else reply


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with the seed."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN)) as server:
        done = run("load", str(SEED), "--token", TOKEN, "--url", server.base, cwd=folder)
        assert done.returncode == 0, done.stderr
        yield server


@pytest.fixture(scope="module")
def origin(served: Server) -> Origin:
    """The running server, as proxies ask it."""
    return Origin(served.base)


def found_wrong(said: str) -> dict[str, str]:
    """Return the rows of a printed table that are not ok: each check, and what it says."""
    rows: dict[str, str] = {}
    last = ""
    for line in said.splitlines():
        if line[:1] in {"│", "|"}:
            name, finding = (cell.strip() for cell in line[1:-1].split(line[0]))
            last = name or last
            rows[last] = f"{rows.get(last, '')} {finding}".strip()
    assert list(rows) == [check.name for check in CHECKS]
    return {name: finding for name, finding in rows.items() if finding != "ok"}


def test_help_prints_usage(shell: Shell, tmp_path: Path) -> None:
    done = shell.run("check", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Usage: python -m app check" in done.stdout


def test_a_server_without_anything_in_front_is_found_fine(
    served: Server, shell: Shell, tmp_path: Path
) -> None:
    done = shell.run("check", served.base.removeprefix("http://") + ARTICLE, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert found_wrong(done.stdout) == {}
    assert done.stdout.splitlines()[-1] == FINE


@pytest.mark.parametrize("suffix", BY_SUFFIX)
def test_an_article_may_be_named_by_any_of_its_twins(
    origin: Origin, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    client = partial(httpx2.Client, transport=Wire(origin, GOOD["passes on"]))
    monkeypatch.setattr(httpx2, "Client", client)
    done = shell.run("check", f"front.example{ARTICLE}{suffix}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert found_wrong(done.stdout) == {}
    assert done.stdout.splitlines()[-1] == FINE


@pytest.mark.parametrize("name", GOOD)
def test_a_transparent_proxy_passes_every_check(
    origin: Origin, shell: Shell, tmp_path: Path, name: str
) -> None:
    with in_front(origin, GOOD[name]) as front:
        done = shell.run("check", front + ARTICLE, cwd=tmp_path)
    assert found_wrong(done.stdout) == {}
    assert done.returncode == 0


@pytest.mark.parametrize("name", BAD)
def test_c04_a_faulty_proxy_is_detected_and_named(
    origin: Origin, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    behave, wrong = BAD[name]
    client = partial(httpx2.Client, transport=Wire(origin, behave))
    monkeypatch.setattr(httpx2, "Client", client)
    done = shell.run("check", f"http://front.example{ARTICLE}", cwd=tmp_path)
    found = found_wrong(done.stdout)
    assert set(found) == wrong
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"{len(wrong)} of {len(CHECKS)} checks failed" in done.stderr
    for check in CHECKS:
        if check.name in wrong:
            assert check.advice in found[check.name]


def test_faults_are_described_in_plain_sentences(
    origin: Origin, shell: Shell, tmp_path: Path
) -> None:
    with in_front(origin, cache(lambda _: True)) as front:
        said = found_wrong(shell.run("check", front + ARTICLE, cwd=tmp_path).stdout)
    assert said["Browsers get the page"].startswith(
        "GET of the bare URL for text/html gives text/markdown (and"
    )
    assert "readers see source text" in said["Browsers get the page"]
    with in_front(origin, dropping_accept) as front:
        said = found_wrong(shell.run("check", front + ARTICLE, cwd=tmp_path).stdout)
    assert "gives text/html" in said["Agents get what they accept"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("{base}/news/nothing", "/news/nothing answers 404: an existing article is needed"),
        ("{base}/health/live", "is not the URL of an article: /news/<slug>"),
        ("{base}" + ARTICLE + "?x=1", "must not have a query"),
        ("http://127.0.0.1:1/news/x", "http://127.0.0.1:1 does not respond: "),
        ("ftp://127.0.0.1/news/x", "unsupported protocol"),
        ("http://[/news/x", "is not a URL"),
        ("http://a\x01b/news/x", "a\\x01b is not a URL"),
        ("nonsense", "nonsense is not the URL of an article"),
    ],
)
def test_a_check_that_cannot_be_made_fails_in_one_readable_line(
    served: Server, shell: Shell, tmp_path: Path, url: str, said: str
) -> None:
    done = shell.run("check", url.format(base=served.base), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(200, {"content-type": "text/html"}, b"<p>Hello"), "is not Slugline's"),
        (Reply(200, {}, b""), "is not Slugline's"),
        (Reply(301, {"location": "https://x.example/"}, b""), "redirects to 'https://x.example/'"),
        (Reply(503, {}, b""), "answers 503"),
        (Reply(200, {"content-length": "10"}, b""), "does not respond: "),
    ],
)
def test_a_server_that_is_not_slugline_is_recognised(
    shell: Shell, tmp_path: Path, reply: Reply, said: str
) -> None:
    with in_front(Origin(""), lambda *_: reply) as front:
        done = shell.run("check", front + ARTICLE, cwd=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_answer_without_end_is_not_read_to_its_end(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.check._MAX_BODY_BYTES", 1_000)
    with in_front(Origin(""), lambda *_: Reply(200, {}, b"x" * 2_000)) as front:
        done = shell.run("check", front + ARTICLE, cwd=tmp_path)
    assert done.returncode == 1
    assert "exceeds 1,000 bytes" in done.stderr


def exchanges(site: Site) -> Iterator[Exchange]:
    """Ask a site within this process everything that the command asks."""
    keys = count()
    for opening in initial_probes(lambda: str(next(keys))):
        answer = ask(site, opening)
        yield answer
        yield from (ask(site, question) for question in follow_up_probes(answer))


def ask(site: Site, question: Any) -> Exchange:
    url = f"{question.path(SEED_SLUG)}?{PARAMETER}={question.key}"
    with site.client.stream(question.method, url, headers=dict(question.fields)) as answer:
        body = b"".join(answer.iter_raw())
    return Exchange(SEED_SLUG, question, answer.status_code, dict(answer.headers), body)


def wrong_in(asked: Iterable[Exchange]) -> set[str]:
    return {finding.check for finding in judge(tuple(asked)) if finding.wrong}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"negotiation_cache": "vary", "shared_max_age": 600},
        {"canonical": "self", "max_age": 0, "public_base_url": "http://elsewhere.example"},
    ],
)
def test_site_settings_are_not_reported_as_faults(
    open_site: Callable[..., Site], changed: dict[str, Any]
) -> None:
    site = open_site(**changed)
    site.loaded(SEED.read_bytes())
    asked = tuple(exchanges(site))
    assert wrong_in(asked) == set()
    assert all(is_slugline(each) for each in asked if each.status == 200)
    assert len(asked) < 250


def test_each_probe_is_sent_to_a_cold_cache_and_then_after_all_others() -> None:
    """With one key, whatever a cache has kept of the first is what the others may be given."""
    keys = count()
    asked = tuple(initial_probes(lambda: str(next(keys))))
    bare: dict[str, list[str]] = {}
    for each in asked:
        if not each.at_twin and each.coding == IDENTITY:
            bare.setdefault(each.key, []).append(each.form.name)
    after = {(names[0], name) for names in bare.values() for name in names[1:]}
    assert after >= {(one, two) for one in BY_NAME for two in BY_NAME}
    assert asked[0].form is HTML  # what a bad cache keeps of it harms nobody
    assert not asked[0].key
    codings = {(each.form.name, each.at_twin, each.coding) for each in asked if each.cold}
    assert codings >= {(form.name, False, it) for form in FORMATS for it in CODINGS}


def test_e03_every_coding_of_the_site_can_be_undone_here() -> None:
    assert set(DECODERS) == set(CODINGS)
    for name, code in CODINGS.items():
        assert DECODERS[name](code(b"text")) == b"text"


@pytest.mark.parametrize("missing", [("link",), ("content-security-policy",), ("etag",)])
def test_one_sign_that_it_is_slugline_will_do(site: Site, missing: Sequence[str]) -> None:
    site.loaded(SEED.read_bytes())
    page = next(exchanges(site))
    signs = {"link", "content-security-policy", "etag"}
    alone = {name: it for name, it in page.fields.items() if name not in signs - set(missing)}
    assert is_slugline(replace(page, fields=alone))
    none = {name: it for name, it in page.fields.items() if name not in signs}
    assert not is_slugline(replace(page, fields=none))


def test_a_query_of_the_check_is_none_of_the_article(served: Server) -> None:
    plain = httpx2.get(served.base + ARTICLE)
    asked = httpx2.get(f"{served.base}{ARTICLE}?{PARAMETER}=x")
    assert asked.content == plain.content
    assert asked.headers["etag"] == plain.headers["etag"]
