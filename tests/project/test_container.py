"""The container files: linted, and their commands run outside a container."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from tests.support.commands import Shell
from tests.support.paths import ROOT
from tests.support.processes import SLUGLINE, environment, free_port, run, serving

BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def instruction(name: str) -> list[str]:
    """Return the exec form of the Dockerfile's last instruction of that name."""
    found: list[str] = json.loads(
        re.findall(rf"^\s*{name} (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1]
    )
    return found


@pytest.fixture
def empty_postgres(postgres_server: str) -> str:
    """The URL of a database without any table."""
    name = f"empty_{free_port()}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return make_url(postgres_server).set(database=name).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    "command",
    [
        (BIN / "hadolint", "Dockerfile"),
        (BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"),
    ],
    ids=["hadolint", "compose-spec"],
)
def test_the_container_files_pass_their_linters(command: tuple[object, ...]) -> None:
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_container_files_contain_no_secret() -> None:
    for service in COMPOSE["services"].values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|TOKEN", name):
                assert value.startswith("${")
    assert "PASSWORD" not in DOCKERFILE
    assert "TOKEN" not in DOCKERFILE


def test_the_image_runs_as_an_unprivileged_user() -> None:
    assert re.findall("^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert instruction("ENTRYPOINT") == ["slugline"]


def test_the_composed_commands_migrate_once_and_then_serve(
    tmp_path: Path, empty_postgres: str, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate = COMPOSE["services"]["migrate"]["command"]
    for _ in range(2):
        done = Shell(capsys).run(*migrate, cwd=tmp_path, SLUGLINE_DATABASE_URL=empty_postgres)
        assert done.returncode == 0, done.stderr
    serve = COMPOSE["services"]["app"]["command"]
    options = [option for option in serve[1:] if option not in {"--host", "0.0.0.0"}]  # noqa: S104 - left out here
    env = environment(SLUGLINE_DATABASE_URL=empty_postgres)
    with serving(tmp_path, *options, env=env) as server:
        port = server.base.rpartition(":")[2]
        check = [part.replace("8000", port) for part in health_check()]
        assert subprocess.run(check, check=False, capture_output=True).returncode == 0
    assert subprocess.run(check, check=False, capture_output=True).returncode != 0


def health_check() -> list[str]:
    found = re.search(r"HEALTHCHECK[^[]*CMD (\[.*\])", DOCKERFILE)
    assert found
    python, *arguments = json.loads(found[1])
    assert python == "python"
    return [sys.executable, *arguments]


def test_the_images_own_command_serves(
    tmp_path: Path, new_sqlite_database: Callable[[], str]
) -> None:
    assert instruction("CMD") == ["serve", "--host", "0.0.0.0"]  # noqa: S104 - inside its network
    env = environment(SLUGLINE_DATABASE_URL=new_sqlite_database())
    with serving(tmp_path, command=SLUGLINE, env=env) as server:
        assert server.process.poll() is None


def test_a_server_that_finds_an_old_schema_says_so_and_stops(
    tmp_path: Path, empty_postgres: str
) -> None:
    done = run(
        "serve", "--port", str(free_port()), cwd=tmp_path, SLUGLINE_DATABASE_URL=empty_postgres
    )
    assert done.returncode == 1
    assert "slugline db upgrade" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
