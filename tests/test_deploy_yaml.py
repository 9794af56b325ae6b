"""Tests prefect.yaml against the flows and the work pools that it names."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import POOLS

ROOT = Path(__file__).resolve().parent.parent
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_a_deployment_has_the_name_of_its_flow_and_a_pool_that_is_made(deployment: dict[str, Any]) -> None:
    from prefect.flows import Flow, load_flow_from_entrypoint

    flow: Flow[..., Any] = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    assert flow.name == deployment["name"]
    assert deployment["work_pool"]["name"] in POOLS
    assert set(deployment.get("parameters", {})) <= set(flow.parameters.properties)


def test_every_flow_is_deployed() -> None:
    modules = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__", "plugin"}
    assert {deployment["name"].replace("-", "_") for deployment in DEPLOYMENTS} == modules
