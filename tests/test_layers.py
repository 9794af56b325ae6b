"""Who may import whom, in all packages: a reader of one may rely on what is above it being unknown there."""

import ast
import importlib
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# flows → tasks → irodori → {cyclegan, scraping, storage} → imaging; what only works in a checkout lies on top of these
MAY_IMPORT = {
    "imaging": set(),
    "storage": set(),
    "scraping": {"imaging"},
    "cyclegan": {"imaging"},
    "irodori": {"cyclegan", "scraping", "storage", "imaging"},
    "tasks": {"irodori", "cyclegan", "scraping", "storage", "imaging"},
    "flows": {"tasks", "irodori", "cyclegan", "scraping", "storage", "imaging"},
    "demo": {"flows", "tasks", "irodori", "cyclegan", "scraping", "storage", "imaging", "deploy"},
    "deploy": {"irodori", "cyclegan", "storage"},
    "benchmarks": {"flows", "tasks", "irodori", "cyclegan", "scraping", "storage", "imaging", "demo", "deploy"},
    "drills": {
        "flows",
        "tasks",
        "irodori",
        "cyclegan",
        "scraping",
        "storage",
        "imaging",
        "demo",
        "deploy",
        "benchmarks",
    },
}
# a painter serves, a method teaches it, the trainer runs any method
ROOMS = {
    "painting": set(),
    "methods": {"painting"},
    "scoring": {"painting"},
    "training": {"methods", "scoring", "painting"},
}
BRICKS = {"errors", "distributed", "whole_file"}  # of cyclegan, for all of its rooms
FORBIDDEN = {
    "imaging": {"prefect", "boto3", "torch", "requests"},
    "storage": {"prefect", "torch", "PIL", "cv2"},
    "scraping": {"prefect", "boto3", "torch"},
    "cyclegan": {"prefect", "boto3", "requests"},
    "irodori": {"prefect", "boto3", "torch", "requests"},
    "tasks": {"boto3", "torch"},
    "flows": {"boto3", "torch"},
}
# the command's one way up; it is imported where a command needs it
UPWARD = {"irodori/cli/flows.py": {"flows", "tasks", "prefect"}}
SHIPPED = ["cyclegan", "flows", "imaging", "irodori", "scraping", "storage", "tasks"]
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 40
FILES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules_imported(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_arrow_points_up(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    imported = {module.partition(".")[0] for module in modules_imported(path)} - UPWARD.get(name_of(path), set())
    assert imported & MAY_IMPORT.keys() <= MAY_IMPORT[package] | {package}
    assert not imported & FORBIDDEN.get(package, set())


@pytest.mark.parametrize("path", sorted((ROOT / "cyclegan").glob("*/*.py")), ids=name_of)
def test_rooms_know_only_what_is_below_them(path: Path) -> None:
    room = path.parent.name
    within = {module.split(".")[1] for module in modules_imported(path) if module.startswith("cyclegan.")}
    assert within <= ROOMS[room] | {room} | BRICKS


def test_nothing_goes_round_in_a_circle() -> None:
    """Of imports at the top of modules; those within a function are there to be late, not to hide a circle."""
    modules = {name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in FILES}
    graph = {}
    for module, path in modules.items():
        named = set()
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom):
                named |= {str(node.module), *(f"{node.module}.{name.name}" for name in node.names)}
            elif isinstance(node, ast.Import):
                named |= {name.name for name in node.names}
        graph[module] = named & modules.keys() - {module}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_the_command_s_way_up_is_imported_late() -> None:
    for path in (ROOT / "irodori").rglob("*.py"):
        top = ast.Module(
            [node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.FunctionDef)], []
        )
        names = {node.module for node in ast.walk(top) if isinstance(node, ast.ImportFrom)}
        assert "irodori.cli.flows" not in names, path


def test_every_package_is_ours() -> None:
    """Their names are common: another distribution must not win."""
    for package in MAY_IMPORT:
        module = importlib.import_module(package)
        assert Path(module.__file__ or "").is_relative_to(ROOT)


def test_no_flow_file_hides_a_package() -> None:
    """Prefect may put flows/ itself on the path, where a stem would become a top-level module."""
    stems = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__"}
    assert not stems & ({*MAY_IMPORT, *sys.stdlib_module_names})


def imports_without(code: str, *missing: str) -> None:
    """Runs code in a new interpreter in which some packages cannot be imported."""
    absent = "; ".join(f"sys.modules[{name!r}] = None" for name in missing)
    subprocess.run([sys.executable, "-c", f"import sys; {absent}; {code}"], cwd=ROOT, check=True, timeout=120)


def test_flows_import_without_torch() -> None:
    """Deploying, scheduling and scraping need no GPU stack: torch is loaded where training and colorizing begin."""
    modules = ", ".join(f"flows.{path.stem}" for path in (ROOT / "flows").glob("*.py") if path.stem != "__init__")
    imports_without(f"import {modules}", "torch", "torchvision")


def test_the_command_starts_without_what_takes_seconds() -> None:
    imports_without("import irodori.cli.app", "torch", "prefect", "boto3", "pandas")


def test_files_and_functions_stay_small() -> None:
    """Ten lines read at a glance, sixty do not; docstrings are not counted. A long file has two subjects."""
    all_files = [*FILES, *sorted((ROOT / "tests").glob("*.py"))]
    long = [name_of(path) for path in all_files if len(path.read_text().splitlines()) > MOST_LINES]
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                docstring = node.body[0] if ast.get_docstring(node) else None
                body = node.body[1] if docstring and len(node.body) > 1 else node.body[0]
                if (node.end_lineno or 0) - body.lineno + 1 > MOST_LINES_OF_A_FUNCTION:
                    long.append(f"{name_of(path)}:{node.name}")
    assert not long


def test_what_is_shipped_is_typed_and_complete() -> None:
    for package in SHIPPED:
        assert (ROOT / package / "py.typed").exists()
        for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
            assert (folder / "__init__.py").exists(), folder
