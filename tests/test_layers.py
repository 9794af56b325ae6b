"""Who may import whom: flows → tasks → {scraping, cyclegan, storage} → imaging, and Prefect only at the top."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["flows", "tasks", "scraping", "cyclegan", "storage", "imaging", "demo", "deploy"]
MAY_IMPORT = {
    "flows": {"flows", "tasks", "scraping", "storage", "imaging"},
    "tasks": {"tasks", "scraping", "cyclegan", "storage", "imaging"},
    "scraping": {"scraping", "imaging"},
    "cyclegan": {"cyclegan", "imaging"},
    "storage": {"storage"},
    "imaging": {"imaging"},
}
FORBIDDEN = {
    "scraping": {"prefect", "boto3", "torch"},
    "cyclegan": {"prefect", "boto3", "requests"},
    "storage": {"prefect", "torch", "PIL", "cv2"},
    "imaging": {"prefect", "boto3", "torch", "requests"},
}
FILES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).glob("*.py"))]


def imports(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_layers(path: Path) -> None:
    package = path.parent.name
    ours = imports(path) & set(PACKAGES)
    assert ours <= MAY_IMPORT[package]
    assert not imports(path) & FORBIDDEN.get(package, set())


def test_every_package_is_ours() -> None:
    """Their names are common: another distribution must not win."""
    for package in PACKAGES:
        module = importlib.import_module(package)
        assert Path(module.__file__ or "").is_relative_to(ROOT)


def test_no_flow_file_hides_a_package() -> None:
    """Prefect may put flows/ itself on the path, where a stem would become a top-level module."""
    stems = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__"}
    assert not stems & ({*PACKAGES, *sys.stdlib_module_names})


def test_flows_import_without_torch() -> None:
    """Deploying, scheduling and scraping need no GPU stack: torch is loaded where training and colorizing begin."""
    modules = ", ".join(f"flows.{path.stem}" for path in (ROOT / "flows").glob("*.py") if path.stem != "__init__")
    code = f"import sys; sys.modules['torch'] = None; import {modules}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_functions_stay_small() -> None:
    """Ten lines read at a glance, sixty do not; docstrings are not counted."""
    long = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                docstring = node.body[0] if ast.get_docstring(node) else None
                body = node.body[1] if docstring and len(node.body) > 1 else node.body[0]
                if (node.end_lineno or 0) - body.lineno + 1 > 40:
                    long.append(f"{path.name}:{node.name}")
    assert not long
