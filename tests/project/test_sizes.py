"""Limits that no linter checks: unique class names, and the sizes of functions and files."""

import ast
from collections import Counter
from collections.abc import Iterator
from statistics import median

from tests.support.paths import ROOT

MODULES = {path: ast.parse(path.read_text()) for path in sorted((ROOT / "app").rglob("*.py"))}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> Iterator[tuple[str, Function]]:
    """Yield each function of `app/` with its place."""
    for path, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def test_a_class_name_exists_once() -> None:
    nodes = (node for tree in MODULES.values() for node in ast.walk(tree))
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_function_exceeds_40_lines_and_the_median_is_at_most_8() -> None:
    sizes = {place: (node.end_lineno or 0) - node.lineno + 1 for place, node in functions()}
    assert {place: size for place, size in sizes.items() if size > 40} == {}
    assert median(sizes.values()) <= 8


def test_no_function_imports() -> None:
    importing = [
        place
        for place, node in functions()
        if any(isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node))
    ]
    assert importing == []


def test_a_file_of_more_than_250_lines_gives_the_reason_in_its_docstring() -> None:
    for path, tree in MODULES.items():
        if len(path.read_text().splitlines()) > 250:
            assert "in one file, for" in " ".join((ast.get_docstring(tree) or "").split()), path
