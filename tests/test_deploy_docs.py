"""Tests that docs/operations.md and .env.example list the settings that the code reads."""

import re
from importlib.util import find_spec

from deploy.up import PROJECT
from deploy.up import Settings as StackSettings
from irodori.settings import Settings

PAGE = (PROJECT / "docs" / "operations.md").read_text()
EXAMPLE = (PROJECT / ".env.example").read_text()


def variables(text: str) -> set[str]:
    return {name.lower() for name in re.findall(r"IRODORI_(\w+)", text)}


def test_every_setting_of_the_stack_is_in_the_table_with_its_default() -> None:
    rows = re.findall(r"^\| `IRODORI_(\w+)` \|([^|]*)\|", PAGE, re.M)
    table = {name: default.strip(" `") for name, default in rows}
    defaults = {name.upper(): field.default for name, field in StackSettings.model_fields.items()}
    defaults["RUN_FOLDER"] = defaults["RUN_FOLDER"].relative_to(PROJECT)
    assert table == {name: "" if default is None else str(default) for name, default in defaults.items()}


def test_the_example_names_every_variable_that_is_read_and_no_other() -> None:
    known = set(Settings.model_fields) | set(StackSettings.model_fields)
    assert variables(EXAMPLE) == known
    assert variables(PAGE) <= known


def test_paths_and_commands_of_the_page_exist() -> None:
    for module in re.findall(r"python -m ([\w.]+)", PAGE):
        assert find_spec(module), module
