"""A valid record on its way into the database, with what can be computed before taking a lock."""

from typing import NamedTuple

from app.article.record import Record
from app.store.existing_articles import ExistingArticle


class Candidate(NamedTuple):
    """A record, the canonical key of its source, and the digest of its content."""

    record: Record
    key: str | None
    digest: str

    @classmethod
    def from_record(cls, record: Record) -> "Candidate":
        """Compute the key and the digest of `record`."""
        return cls(record, record.canonical_key, record.digest)

    def with_slug(self, slug: str) -> "Candidate":
        """Return the same record under another slug."""
        record = self.record.model_copy(update={"slug": slug})
        return self._replace(record=record, digest=record.digest)

    def as_existing(self, article_id: int | None, *, withdrawn: bool = False) -> ExistingArticle:
        """Return the article that later records are compared with once this record is stored."""
        record = self.record
        return ExistingArticle(
            article_id, record.slug, self.key, record.updated_at, self.digest, withdrawn
        )
