"""The README cannot drift: deployments, stages, settings, presets, packages and files are the real ones."""

import re
from pathlib import Path
from typing import get_args

import yaml

from cyclegan.training.config import PresetName
from irodori.settings import Settings
from storage.manifest import STAGES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_deployments() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert re.findall(r"^\| `([a-z-]+)` \|", README, re.M) == [deployment["name"] for deployment in deployments]


def test_stages() -> None:
    assert " → ".join(STAGES) in README
    stems = {path.stem for path in (ROOT / "tasks").glob("*.py")}
    assert set(STAGES) <= stems


def test_settings() -> None:
    documented = dict(re.findall(r"^\| `IRODORI_(\w+)` \| (.*?) \|", README, re.M))
    assert [name.lower() for name in documented] == list(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if name != "storage" and field.default != "":
            assert documented[name.upper()] == f"`{field.default}`"


def test_presets() -> None:
    for name in get_args(PresetName):
        assert f"`{name}`" in README


def test_every_package_is_on_the_map() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"tests", "benchmarks"}
    assert set(re.findall(r"^(\w+)/  +\S", README, re.M)) == packages


def test_links_to_files_resolve() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets


def test_the_tests_that_a_page_names_exist() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for module, function in re.findall(r"`(test_\w+)::(test_\w+)`", page.read_text()):
            assert f"def {function}(" in (ROOT / "tests" / f"{module}.py").read_text(), f"{page.name}: {function}"


def test_no_change_of_the_table_touches_more_than_three_files_and_all_of_them_exist() -> None:
    table = re.findall(r"^\| (?:an)?other .*? \| (.*) \|$|^\| [sw].*? \| (.*) \|$", CONTRIBUTING, re.M | re.I)
    rows = [first or second for first, second in table]
    assert len(rows) >= 15
    for row in rows:
        named = re.findall(r"`([^`]+)`", row)
        assert 1 <= len(named) <= 3
        assert all((ROOT / name).exists() for name in named), row
