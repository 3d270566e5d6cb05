"""The wheel in an empty environment: all that it needs travels in it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import httpx2
import pytest

from tests.support.paths import ROOT, SEED
from tests.support.processes import environment, serving
from tests.support.runtimes import UV, VERSIONS, interpreter, packages
from tests.support.site import SEED_SLUG, TOKEN


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_migrations_templates_and_nothing_of_the_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    revisions = {f"app/migrations/versions/{p.name}" for p in ROOT.glob("migrations/versions/*.py")}
    templates = {f"app/representations/templates/{p.name}"
                 for p in ROOT.glob("app/representations/templates/*")}  # fmt: skip
    assert revisions
    assert templates
    assert names >= revisions | templates | {"app/migrations/env.py", "app/py.typed"}
    assert {name.partition("/")[0] for name in names} == {"app", "slugline-0.1.0.dist-info"}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_serves_from_any_folder(
    wheel: Path, outside: dict[str, str], tmp_path: Path, version: str
) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"NOT CHECKED: there is no Python {version} on this machine")
    venv, folder = tmp_path / "venv", tmp_path / "elsewhere"
    folder.mkdir()
    subprocess.run([UV, "venv", "--quiet", "--python", python, str(venv)], check=True)
    (site_packages,) = venv.glob("lib/python*/site-packages")
    # What the lock names was installed before, by itself: see runtimes.py.
    (site_packages / "locked.pth").write_text(f"{packages(python, outside)}\n")
    install = [UV, "pip", "install", "--quiet", "--no-deps", "--python", str(venv / "bin/python")]
    subprocess.run([*install, str(wheel)], check=True)

    env = environment(SLUGLINE_ADMIN_TOKEN=TOKEN)
    del env["PYTHONPATH"]  # nothing of the checkout
    env.pop("COVERAGE_PROCESS_START", None)
    env.pop("COVERAGE_PROCESS_CONFIG", None)
    with serving(folder, command=(str(venv / "bin" / "slugline"),), env=env) as server:
        assert (folder / "slugline.db").exists()
        assert httpx2.get(f"{server.base}/health/ready").status_code == 200
        loaded = httpx2.post(
            f"{server.base}/admin/loads",
            content=SEED.read_bytes(),
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert loaded.status_code == 200, loaded.text
        page = httpx2.get(f"{server.base}/news/{SEED_SLUG}", headers={"Accept": "text/html"})
        assert "<h1>" in page.text
    assert server.process.returncode in {0, -15}, server.log.read_text()
