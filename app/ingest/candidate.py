"""A record on its way in, with what is worked out of it before anybody else has to wait."""

from typing import NamedTuple

from app.article.record import Record


class Candidate(NamedTuple):
    """A record, the key of its story, and the digest of its content."""

    record: Record
    key: str | None
    digest: str

    @classmethod
    def of(cls, record: Record) -> "Candidate":
        """Work out what is to be known of `record`."""
        return cls(record, record.canonical_key, record.digest)

    def at(self, slug: str) -> "Candidate":
        """Return the same at another slug."""
        record = self.record.model_copy(update={"slug": slug})
        return self._replace(record=record, digest=record.digest)
