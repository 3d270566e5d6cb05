"""The wheel in an empty environment: it contains all that it needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx2
import pytest

from tests.support.paths import ROOT, SEED
from tests.support.processes import environment, serving
from tests.support.site import SEED_SLUG, TOKEN

UV = str(Path(sys.executable).parent / "uv")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_contains_migrations_and_templates_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    revisions = {f"app/migrations/versions/{p.name}" for p in ROOT.glob("migrations/versions/*.py")}
    templates = {f"app/representations/templates/{p.name}"
                 for p in ROOT.glob("app/representations/templates/*")}  # fmt: skip
    assert revisions
    assert templates
    assert names >= revisions | templates | {"app/migrations/env.py", "app/py.typed"}
    assert {name.partition("/")[0] for name in names} == {"app", "slugline-0.1.0.dist-info"}


def find_python(version: str) -> str | None:
    """Return the path of a Python of that version on this machine, or None."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    if installed := sorted(pyenv.glob(f"versions/{version}.*/bin/python")):
        return str(installed[-1])
    find = [UV, "python", "find", "--no-python-downloads", "--no-project", "--system", version]
    found = subprocess.run(find, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_wheel_serves_from_any_folder(wheel: Path, tmp_path: Path, version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"NOT CHECKED: there is no Python {version} on this machine")
    venv, folder = tmp_path / "venv", tmp_path / "elsewhere"
    folder.mkdir()
    subprocess.run([UV, "venv", "--quiet", "--python", python, str(venv)], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", str(venv / "bin" / "python")]
    locked = ["--require-hashes", "--requirement", str(ROOT / "requirements.lock")]
    subprocess.run([*install, *locked], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)

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
