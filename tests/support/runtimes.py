"""Environments with the packages that the wheel needs and no others, for each version of Python.

`python runtimes.py` makes them as a part of the set-up; a test that finds none makes it. They stay
until the lock names others. To compile the packages takes five seconds for each version, and what
comes of it is the same each time.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.paths import ROOT

LOCK = ROOT / "requirements.lock"
FOLDER = Path(sys.prefix) / "runtimes"
UV = str(Path(sys.executable).parent / "uv")
VERSIONS = ("3.11", "3.12", "3.13")
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"


def interpreter(version: str) -> str | None:
    """Return a Python of that version on this machine, or None."""
    if version == CURRENT:
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    if installed := sorted(pyenv.glob(f"versions/{version}.*/bin/python")):
        return str(installed[-1])
    find = [UV, "python", "find", "--no-python-downloads", "--no-project", "--system", version]
    found = subprocess.run(find, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def packages(python: str, env: Mapping[str, str]) -> Path:
    """Return the folder of the packages that the lock names, as `python` has installed them."""
    installed = LOCK.read_bytes() + os.fsencode(os.path.realpath(python))
    kept = FOLDER / hashlib.sha256(installed).hexdigest()[:16]
    if not kept.is_dir():
        FOLDER.mkdir(exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=FOLDER))
        try:
            _install(python, new, env)
            new.rename(kept)
        except OSError:  # somebody else was faster
            assert kept.is_dir()
        finally:
            shutil.rmtree(new, ignore_errors=True)
    (found,) = kept.glob("lib/python*/site-packages")
    return found


def _install(python: str, folder: Path, env: Mapping[str, str]) -> None:
    subprocess.run([UV, "venv", "--quiet", "--python", python, str(folder)], check=True)
    own = str(folder / "bin" / "python")
    install = [UV, "pip", "install", "--quiet", "--require-hashes", "--python", own]
    subprocess.run([*install, "--requirement", str(LOCK)], env=env, check=True)
    # To import something compiles it. If it cannot be imported, the test of the wheel says so.
    used = [own, "-c", "import app.__main__, app.main"]
    subprocess.run(used, cwd=ROOT, capture_output=True, check=False)


def main() -> None:
    """Make all, and take away what was made of another lock."""
    with ThreadPoolExecutor() as pool:
        found = filter(None, map(interpreter, VERSIONS))
        made = set(pool.map(lambda python: packages(python, os.environ).parents[2], found))
    for folder in set(FOLDER.iterdir()) - made:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
