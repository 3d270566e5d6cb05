"""The afternoon version: what a competent developer writes for the same job in an afternoon.

FastAPI, the ORM, markdown-it-py and Jinja2, each used as its documentation says. Nothing is cached
and nothing is slow on purpose.
"""

import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

from fastapi import Body, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session, defer

from benchmarks.contenders.afternoon_tables import COLUMNS, Article, ArticleIn, Base, upsert

BASE_URL: Final = "http://localhost:8000"
NAMES: Final = [name for name in ArticleIn.model_fields if name in COLUMNS - {"body_md"}]
PER_PAGE: Final = 20

markdown = MarkdownIt("commonmark", {"html": False})
templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True
)
article_page = templates.get_template("article.html")
listing_page = templates.get_template("listing.html")


def facts(article: Article) -> dict[str, object]:
    url = f"{BASE_URL}/news/{article.slug}"
    return {
        **{name: getattr(article, name) for name in NAMES},
        "published_at": article.published_at.isoformat(),
        "updated_at": article.updated_at.isoformat(),
        "topics": article.topic_slugs,
        "entities": article.entity_names,
        "url": url,
        "alternates": {media_type: url + suffix for suffix, media_type in TWINS.items()},
    }


def as_json(article: Article) -> str:
    known = {**facts(article), "body_md": article.body_md}
    return json.dumps(known, ensure_ascii=False)


def linked_data(article: Article) -> dict[str, object]:
    return {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "url": f"{BASE_URL}/news/{article.slug}",
        "headline": article.title,
        "abstract": article.summary,
        "articleBody": article.body_md,
        "datePublished": article.published_at.isoformat(),
        "dateModified": article.updated_at.isoformat(),
        "inLanguage": article.lang,
        "keywords": article.topic_slugs,
        "mentions": [{"@type": "Thing", "name": name} for name in article.entity_names],
        "isBasedOn": article.canonical_source,
    }


def as_linked_data(article: Article) -> str:
    return json.dumps(linked_data(article), ensure_ascii=False)


def as_markdown(article: Article) -> str:
    known = facts(article)
    front = "".join(
        f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in known.items()
    )
    return f"---\n{front}---\n\n{article.body_md}\n"


def as_text(article: Article) -> str:
    inline = (token.children for token in markdown.parse(article.body_md) if token.children)
    blocks = [
        "".join(part.content or "\n" * (part.type == "softbreak") for part in parts)
        for parts in inline
    ]
    foot = f"Published: {article.published_at.isoformat()}\nSource: {article.canonical_source}"
    return "\n\n".join([*blocks, foot]) + "\n"


def as_html(article: Article) -> str:
    return article_page.render(
        article=article,
        body=markdown.render(article.body_md),
        url=f"{BASE_URL}/news/{article.slug}",
        twins=TWINS,
        linked_data=linked_data(article),
    )


FORMS: Final[dict[str, Callable[[Article], str]]] = {
    "text/markdown": as_markdown,
    "text/plain": as_text,
    "application/ld+json": as_linked_data,
    "application/json": as_json,
    "text/html": as_html,
}
TWINS: Final = {
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
}


def newest(session: Session, published_to: datetime | None, q: str = "") -> Sequence[Article]:
    chosen = select(Article).order_by(Article.published_at.desc(), Article.id.desc())
    if published_to:
        chosen = chosen.where(Article.published_at < published_to.replace(tzinfo=None))
    if q:
        found = text("SELECT rowid FROM article_search WHERE article_search MATCH :q")
        chosen = chosen.where(Article.id.in_(found.bindparams(q=q).columns(Article.id)))
    return session.scalars(chosen.options(defer(Article.body_md)).limit(PER_PAGE)).all()


def page_of(articles: Sequence[Article], accept: str) -> Response:
    if accepted(accept) == "application/json":
        return JSONResponse({"items": [facts(article) for article in articles]})
    return HTMLResponse(listing_page.render(articles=articles, base_url=BASE_URL))


def create_app(url: str) -> FastAPI:
    engine = create_engine(url)
    Base.metadata.create_all(engine)

    def session() -> Iterator[Session]:
        with Session(engine) as opened:
            yield opened

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        engine.dispose()

    app = FastAPI(lifespan=lifespan)
    in_session = Annotated[Session, Depends(session)]

    @app.get("/health/live")
    def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/news")
    def read_all(
        request: Request, session: in_session, published_to: datetime | None = None, q: str = ""
    ) -> Response:
        return page_of(newest(session, published_to, q), request.headers.get("accept", ""))

    @app.get("/news/{slug}")
    def read(slug: str, request: Request, session: in_session) -> Response:
        bare, dot, ending = slug.rpartition(".")
        if media_type := TWINS.get(dot + ending):
            slug = bare
        else:
            media_type = accepted(request.headers.get("accept", ""))
        article = session.scalar(select(Article).where(Article.slug == slug))
        if article is None:
            raise HTTPException(404)
        return Response(FORMS[media_type](article), media_type=media_type)

    @app.post("/load")
    def load(body: Annotated[bytes, Body()], session: in_session) -> dict[str, int]:
        feed = (ArticleIn.model_validate_json(line) for line in body.splitlines() if line.strip())
        counts = Counter(upsert(session, new) for new in feed)
        session.commit()
        return dict(counts)

    return app


def accepted(accept: str) -> str:
    return next((media_type for media_type in FORMS if media_type in accept), "text/html")


def app_from_environment() -> FastAPI:
    return create_app(os.environ["AFTERNOON_DATABASE_URL"])
