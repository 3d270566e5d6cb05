"""The documentation cannot rot: its commands run, and it names what there is."""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.ingest.batching import BATCH_RECORDS
from app.representations.article import FORMATS
from app.settings import Settings
from tests.support.paths import ROOT
from tests.support.processes import SLUGLINE, environment, free_port
from tests.support.site import TOKEN

README = (ROOT / "README.md").read_text()
OPERATING = (ROOT / "docs" / "operating.md").read_text()
RULES = (ROOT / "docs" / "rules.md").read_text()
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()


@pytest.fixture(scope="module")
def demo() -> Iterator[int]:
    """The port of a running `make demo`."""
    port = free_port()
    folder = ROOT / ".demo"
    for old in folder.glob("slugline.db*"):
        old.unlink()
    env = environment(SLUGLINE_ADMIN_TOKEN=TOKEN)
    command = [sys.executable, "deploy/demo.py", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Ctrl-C"):
            break
    else:
        pytest.fail("".join(said))
    yield port
    process.terminate()
    process.communicate(timeout=20)


def steps(markdown: str) -> list[tuple[str, list[str]]]:
    """Return the commands of the console blocks, each with the lines that it should print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", markdown, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def test_the_commands_in_the_readme_print_what_it_shows(demo: int) -> None:
    article = ""
    ran = 0
    for command, expected in steps(README):
        if command.startswith("make "):
            continue
        here = command.replace("localhost:8000", f"localhost:{demo}")
        if here.startswith("ARTICLE="):
            article = here.partition("=")[2]
            continue
        here = here.replace(".venv/bin/slugline", " ".join(SLUGLINE))
        env = environment(
            ARTICLE=article,
            SLUGLINE_ADMIN_TOKEN=TOKEN,
            SLUGLINE_PUBLIC_BASE_URL=f"http://localhost:{demo}",
        )
        done = subprocess.run(
            ["bash", "-c", here], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        if expected:
            assert done.stdout.splitlines() == expected, command
        ran += 1
    assert ran >= 6


def test_the_readmes_table_is_that_of_the_formats() -> None:
    rows = re.findall(r"^\| (\w+) \| `([^`]+)` \| (?:`([^`]+)`)? ?\|$", README, re.MULTILINE)
    assert rows == [(form.name, form.media_type, form.suffix) for form in FORMATS]


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    documented = set(re.findall(r"^\| `SLUGLINE_(\w+)`", OPERATING, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        row = next(line for line in OPERATING.splitlines() if f"`SLUGLINE_{name.upper()}`" in line)
        assert field.description is not None
        assert field.description in row
        assert field.default is None or f"`{field.default}`" in row


def test_the_documented_batch_size_is_the_real_one() -> None:
    assert f"batches of at most {BATCH_RECORDS} records" in OPERATING


def test_every_rule_that_a_test_names_is_in_the_list() -> None:
    named: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for test in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE):
            named |= {
                f"{a.upper()}-{n}"
                for a, n in re.findall(r"(?<=_)([nhecrilpo])(\d\d[a-z]?)(?=_)", test)
            }
    listed = set(re.findall(r"^\| ([A-Z]-\d\d[a-z]?) \|", RULES, re.MULTILINE))
    assert named <= listed, named - listed


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    for document in documents:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_lock_files_name_no_host() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text
    text = (ROOT / "tests" / "typescript" / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)
    for name, locked in packages["packages"].items():
        assert "resolved" not in locked
        assert "integrity" in locked or not name


def test_a_module_without_a_layer_breaks_the_build(tmp_path: Path) -> None:
    stray = tmp_path / "copy"
    names = ["app", "migrations", "pyproject.toml"]
    stray.mkdir()
    for name in names:
        subprocess.run(["cp", "-r", str(ROOT / name), str(stray)], check=True)
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    env = {**os.environ, "PYTHONPATH": str(stray)}
    before = subprocess.run(lint, cwd=stray, env=env, capture_output=True, text=True, check=False)
    assert before.returncode == 0, before.stdout
    (stray / "app" / "utils.py").write_text('"""Anything."""\n')
    after = subprocess.run(lint, cwd=stray, env=env, capture_output=True, text=True, check=False)
    assert after.returncode != 0
    assert "utils" in after.stdout


def test_the_architecture_page_names_files_and_functions_that_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    for path in re.findall(r"`(app/[\w/.]*)`", page):
        assert (ROOT / path).exists(), path
    rows = re.findall(r"^\| [^|]+\? \| `(app/[^`]+)` \| (?:`(\w+)`)? ?\|$", page, re.MULTILINE)
    assert len(rows) >= 40
    for path, name in rows:
        assert not name or name in defined_names(ROOT / path), f"{path}: {name}"


def defined_names(path: Path) -> set[str]:
    """Return the names of the classes, functions, fields and constants defined in a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name):
                found.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                found.add(name)
            case _:
                pass
    return found


def test_the_glossary_names_files_and_classes_that_exist() -> None:
    places = re.findall(r"\| `(app/[^`]+)`(?:: `(\w+)`)? \|$", GLOSSARY, re.MULTILINE)
    assert len(places) >= 30
    for path, name in places:
        assert not name or name in defined_names(ROOT / path), f"{path}: {name}"


def test_the_glossary_has_every_class_that_many_modules_import() -> None:
    modules = [ast.parse(path.read_text()) for path in sorted((ROOT / "app").rglob("*.py"))]
    imported = Counter(
        name
        for module in modules
        for name in {
            (node.module, alias.name)
            for node in ast.walk(module)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        if (name[0] or "").startswith("app.") and re.fullmatch(r"[A-Z][a-z]\w*", name[1])
    )
    # Tables have their columns to explain them, and errors their names.
    central = {
        name
        for (module, name), count in imported.items()
        if count >= 5 and module != "app.database.tables" and not name.endswith("Error")
    }
    assert len(central) >= 15
    missing = {name for name in central if f"`{name}`" not in GLOSSARY}
    assert not missing
