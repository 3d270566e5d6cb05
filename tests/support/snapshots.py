"""The contents of a database at one time, read without the code under test."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select, text

from app.article.hygiene import clean
from app.article.record import Record
from app.database.fulltext_index import index_key
from app.database.tables import (
    Article,
    ArticleEntity,
    ArticleTopic,
    Base,
    Change,
    Entity,
    FacetTerm,
    Load,
    LoadResult,
    SlugAlias,
    Topic,
)
from app.database.transactions import Connection, Database
from app.search.analyzer import index_text
from app.search.highlighter import plain_text
from tests.support.site import Site


@dataclass(frozen=True)
class Snapshot:
    """All articles by id, with their topics and entities, and the article of each alias."""

    articles: dict[int, dict[str, Any]]
    aliases: dict[str, int]

    @property
    def slugs(self) -> dict[str, int]:
        """The id of the article at each slug, withdrawn or not."""
        return {each["slug"]: number for number, each in self.articles.items()}

    @property
    def live(self) -> dict[str, str]:
        """The digests of articles that are not withdrawn, by slug."""
        articles = self.articles.values()
        return {each["slug"]: each["digest"] for each in articles if each["withdrawn_at"] is None}

    @property
    def public(self) -> dict[str, str]:
        """The digests of public articles, by slug."""
        articles = self.articles.values()
        return {each["slug"]: each["digest"] for each in articles if each["listed_at"] is not None}

    def by_canonical_key(self, key: str | None) -> set[int]:
        """Return the ids of the articles with a canonical key."""
        found = {number for number, each in self.articles.items() if each["canonical_key"] == key}
        return found if key else set()

    def assert_consistent(self) -> None:
        """No canonical key occurs twice, and no slug is also an alias."""
        assert not self.slugs.keys() & self.aliases.keys()
        keys = [each["canonical_key"] for each in self.articles.values() if each["canonical_key"]]
        assert len(keys) == len(set(keys)), Counter(keys)


def snapshot(database: Database) -> Snapshot:
    """Return the contents of `database`."""
    with database.reading() as session:
        articles: dict[int, dict[str, Any]] = {
            row.id: {**row._mapping, "topics": [], "entities": []}  # noqa: SLF001 - its documented name
            for row in session.execute(select(Article.__table__))
        }
        for link, vocabulary, name, names in (
            (ArticleTopic, Topic, Topic.slug, "topics"),
            (ArticleEntity, Entity, Entity.name, "entities"),
        ):
            found = select(link.article_id, name).join(vocabulary).order_by(link.position)
            for number, each in session.execute(found):
                articles[number][names].append(each)
        aliases = session.execute(select(SlugAlias.slug, SlugAlias.article_id))
        return Snapshot(articles, {row.slug: row.article_id for row in aliases})


@dataclass
class ChangeFeedFollower:
    """The articles of two clients that follow the change feed and fetch what it names.

    One follows all changes, the other the public ones.
    """

    seq: int = 0
    held: dict[str, str] = field(default_factory=dict)
    public: dict[str, str] = field(default_factory=dict)

    def follow(self, database: Database, now: Snapshot) -> None:
        """Apply the changes since the last call. The result must be what `now` has."""
        steps = changes(database, self.seq)
        assert [each.seq for each in steps] == list(range(self.seq + 1, self.seq + 1 + len(steps)))
        self.seq += len(steps)
        _follow(self.held, [(each.kind, each) for each in steps], now.live)
        _follow(self.public, [(each.public, each) for each in steps if each.public], now.public)


def _follow(held: dict[str, str], steps: list[tuple[str, Any]], there: dict[str, str]) -> None:
    named: set[str] = set()
    for kind, change in steps:
        if change.previous_slug is not None:
            held.pop(change.previous_slug, None)
        if kind == "deleted":
            held.pop(change.slug, None)
        else:
            held[change.slug] = ""
            named.add(change.slug)
    for slug in named & held.keys():
        held[slug] = there.get(slug, "gone")
    assert held == there


def assert_public_index_is_complete(database: Database) -> None:
    """Exactly the public articles are listed, counted and indexed, each of them once."""
    now = snapshot(database)
    listed = {n: each for n, each in now.articles.items() if each["listed_at"] is not None}
    terms: Counter[tuple[str, str]] = Counter()
    for each in listed.values():
        assert each["listed_at"] == each["published_at"]
        assert each["withdrawn_at"] is None
        terms.update({("all", ""): 1, ("lang", each["lang"]): 1})
        terms[("month", f"{each['published_at']:%Y-%m}")] += 1
        if each["canonical_source"]:
            host = urlsplit(each["canonical_source"]).hostname
            assert each["source_host"] == host
            terms[("source", host or "")] += 1
        terms.update(("topic", name) for name in each["topics"])
        terms.update(("entity", name) for name in each["entities"])
    with database.reading() as session:
        found = session.execute(select(FacetTerm.facet, FacetTerm.label, FacetTerm.articles))
        assert {(f, label): count for f, label, count in found if count} == terms
        for link in ArticleTopic, ArticleEntity:
            for number, at in session.execute(select(link.article_id, link.listed_at)):
                assert at == now.articles[number]["listed_at"]
        key = "rowid" if database.embedded else "key"
        keys = sorted(session.scalars(text(f"SELECT {key} FROM article_words")))  # noqa: S608 - one of two
        held = index_rows(session.connection()) if database.embedded else None
    assert keys == sorted(index_key(each["listed_at"], n) for n, each in listed.items())
    if held is not None:
        assert held == sorted(
            (index_key(each["listed_at"], n), field, place, word)
            for n, each in listed.items()
            for field, words in expected_index_text(each).items()
            for place, word in enumerate(words.split())
        )


def index_rows(connection: Connection) -> list[Any]:
    """Return the rows of the full-text index on SQLite: key, field, position and word."""
    connection.exec_driver_sql(
        "CREATE VIRTUAL TABLE temp.met USING fts5vocab(main, article_words, instance)"
    )
    found = "SELECT doc, col, offset, term FROM met ORDER BY doc, col, offset"
    return [tuple(row) for row in connection.exec_driver_sql(found)]


def expected_index_text(article: Mapping[str, Any]) -> dict[str, str]:
    """Return the text that the full-text index should have of an article, by field."""
    fields = {name: article[name] for name in Record.model_fields.keys() & article.keys()}
    fields["body_md"] = fields["body_md"][:300_000]
    shown = clean(Record.model_construct(**fields))
    texts = {"title": shown.title, "summary": shown.summary, "body": plain_text(shown.body_md)}
    return {field: index_text(text, shown.lang) for field, text in texts.items()}


def changes(database: Database, since: int = 0) -> list[Any]:
    """Return the rows of the change feed after `since`."""
    with database.reading() as session:
        return list(
            session.execute(select(Change.__table__).where(Change.seq > since).order_by(Change.seq))
        )


def assert_receipt_matches_rows(database: Database, load_id: int) -> None:
    """The receipt has the outcomes that the change feed shows, and counts them correctly."""
    with database.reading() as session:
        summary: dict[str, int] = session.scalars(
            select(Load.summary).where(Load.id == load_id)
        ).one()
        outcomes = list(
            session.scalars(
                select(LoadResult.outcome)
                .where(LoadResult.load_id == load_id)
                .order_by(LoadResult.position)
            )
        )
        kinds = list(
            session.scalars(
                select(Change.kind).where(Change.load_id == load_id).order_by(Change.seq)
            )
        )
    assert {name: count for name, count in summary.items() if count} == Counter(outcomes)
    done = [each for each in outcomes if each in {"created", "updated", "moved", "restored"}]
    # What is withdrawn is told as deleted, after its creation where it came so.
    assert [kind for kind in kinds if kind != "deleted"] == done


def count_rows(database: Database, table: type[Base]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def table_contents(database: Database) -> dict[str, list[Any]]:
    """Return the rows of all tables except receipts and the audit log, for comparison."""
    left_out = {"loads", "load_results", "actions"}
    tables = [t for t in Base.metadata.sorted_tables if t.name not in left_out]
    with database.reading() as session:
        return {t.name: sorted(map(repr, session.execute(select(t)))) for t in tables}


def all_table_contents(site: Site) -> dict[str, list[Any]]:
    """Return the rows of all tables except the audit log."""
    with site.database.reading() as session:
        receipts = {
            table.__name__: sorted(map(repr, session.execute(select(table.__table__))))
            for table in (Load, LoadResult)
        }
    return table_contents(site.database) | receipts


def articles_and_aliases(site: Site) -> dict[str, list[Any]]:
    """Return articles and aliases without their ids, for comparison."""
    with site.database.reading() as session:
        columns = [c for c in Article.__table__.c if c.name != "id"]
        articles = session.execute(select(*columns)).all()
        aliases = session.execute(
            select(SlugAlias.slug, Article.slug).join(Article, Article.id == SlugAlias.article_id)
        ).all()
    return {"articles": sorted(map(repr, articles)), "aliases": sorted(map(repr, aliases))}
