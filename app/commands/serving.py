"""`slugline serve`: the service under uvicorn."""

from typing import Annotated

import typer
import uvicorn

from app.commands.failing import readable
from app.database import Database
from app.settings import read_settings


@readable
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="How many processes serve.")] = 1,
) -> None:
    """Serve articles and the admin endpoint."""
    # Before any worker starts: an old schema or a wrong setting is told once, in one line.
    database = Database(read_settings().database_url)
    database.prepare()
    database.close()
    uvicorn.run(
        "app.main:app_from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        server_header=False,
        proxy_headers=True,
    )
