"""The tables of the afternoon version, and how a record is stored."""

from datetime import datetime
from typing import Final, TypeVar

from pydantic import BaseModel
from sqlalchemy import DDL, ForeignKey, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Topic(Base):
    __tablename__ = "topics"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)


class Entity(Base):
    __tablename__ = "entities"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class ArticleTopic(Base):
    __tablename__ = "article_topics"
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topics.id"))
    topic: Mapped[Topic] = relationship(lazy="joined")


class ArticleEntity(Base):
    __tablename__ = "article_entities"
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    entity_id: Mapped[int] = mapped_column(ForeignKey("entities.id"))
    entity: Mapped[Entity] = relationship(lazy="joined")


class Article(Base):
    __tablename__ = "articles"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    summary: Mapped[str]
    body_md: Mapped[str]
    canonical_source: Mapped[str | None]
    published_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]
    lang: Mapped[str]
    topics: Mapped[list[ArticleTopic]] = relationship(
        order_by=ArticleTopic.position, lazy="selectin", cascade="all, delete-orphan"
    )
    entities: Mapped[list[ArticleEntity]] = relationship(
        order_by=ArticleEntity.position, lazy="selectin", cascade="all, delete-orphan"
    )

    @property
    def topic_slugs(self) -> list[str]:
        return [link.topic.slug for link in self.topics]

    @property
    def entity_names(self) -> list[str]:
        return [link.entity.name for link in self.entities]


# An external-content index with triggers, as SQLite's documentation has it.
SEARCH: Final = (
    """
    CREATE VIRTUAL TABLE article_search USING fts5(
      title, summary, body_md, content='articles', content_rowid='id')""",
    """
    CREATE TRIGGER articles_inserted AFTER INSERT ON articles BEGIN
      INSERT INTO article_search (rowid, title, summary, body_md)
      VALUES (new.id, new.title, new.summary, new.body_md);
    END""",
    """
    CREATE TRIGGER articles_updated AFTER UPDATE ON articles BEGIN
      INSERT INTO article_search (article_search, rowid, title, summary, body_md)
      VALUES ('delete', old.id, old.title, old.summary, old.body_md);
      INSERT INTO article_search (rowid, title, summary, body_md)
      VALUES (new.id, new.title, new.summary, new.body_md);
    END""",
)
for statement in SEARCH:
    event.listen(Article.__table__, "after_create", DDL(statement))  # type: ignore[no-untyped-call] # untyped in the library


class ArticleIn(BaseModel):
    slug: str
    title: str
    summary: str = ""
    body_md: str
    canonical_source: str | None = None
    published_at: datetime
    updated_at: datetime
    lang: str
    topics: list[str] = []
    entities: list[str] = []


COLUMNS: Final = set(ArticleIn.model_fields) - {"topics", "entities"}

Member = TypeVar("Member", Topic, Entity)


def upsert(session: Session, new: ArticleIn) -> str:
    article = session.scalar(select(Article).where(Article.slug == new.slug))
    outcome = "updated" if article else "created"
    article = article or Article()
    for name in COLUMNS:
        setattr(article, name, getattr(new, name))
    topics = [member(session, Topic, slug=slug) for slug in dict.fromkeys(new.topics)]
    entities = [member(session, Entity, name=name) for name in dict.fromkeys(new.entities)]
    article.topics = [ArticleTopic(position=n, topic=topic) for n, topic in enumerate(topics)]
    article.entities = [ArticleEntity(position=n, entity=e) for n, e in enumerate(entities)]
    session.add(article)
    return outcome


def member(session: Session, table: type[Member], **named: str) -> Member:
    found = session.scalar(select(table).filter_by(**named))
    if found is None:
        found = table(**named)
        session.add(found)
    return found
