"""A plain FastAPI application, as its documentation begins: it falls into every trap."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError, field_validator
from sqlalchemy import ForeignKey, String, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Parent(Base):
    __tablename__ = "parents"
    slug: Mapped[str] = mapped_column(String, primary_key=True)


class Child(Base):
    __tablename__ = "children"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent: Mapped[str] = mapped_column(
        ForeignKey(Parent.slug, deferrable=True, initially="DEFERRED")
    )


class Story(BaseModel):
    slug: str
    published_at: datetime

    @field_validator("slug")
    @classmethod
    def _checked(cls, slug: str) -> str:
        if slug == "odd":
            raise ValueError("odd")
        return slug


def application(folder: Path) -> FastAPI:
    """Return the application, with a database in `folder`."""
    engine = create_engine(f"sqlite:///{folder / 'plain.db'}")
    Base.metadata.create_all(engine)
    app = FastAPI()
    app.state.folder = folder

    def session() -> Iterator[Session]:
        with Session(engine) as opened:
            opened.execute(text("PRAGMA foreign_keys = ON"))
            yield opened
            opened.commit()

    @app.get("/news/{slug}")
    def article(slug: str) -> dict[str, str]:
        return {"slug": slug}

    @app.get("/both")
    def read() -> str:
        return "read"

    @app.post("/both")
    def write() -> str:
        return "written"

    @app.post("/stories")
    async def store(story: Story, request: Request) -> Any:
        await request.body()
        return story

    @app.post("/children")
    def bear(opened: Annotated[Session, Depends(session)]) -> str:
        opened.add(Child(parent="nobody"))
        return "born"

    @app.get("/away")
    def away() -> None:
        raise OperationalError("SELECT 1", {}, Exception("the database is locked"))

    @app.post("/errors")
    async def errors(request: Request) -> Any:
        try:
            Story.model_validate_json(await request.body())
        except ValidationError as error:
            return error.errors()

    return app


def client(folder: Path) -> TestClient:
    """Return a client of the plain application, to which an error of it is a 500."""
    return TestClient(application(folder), raise_server_exceptions=False, follow_redirects=False)
