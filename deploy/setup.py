"""Prepares a Prefect server for workers: creates the work pools, the GPU limit, an automation, and the deployments.

`python -m deploy.setup`, in the project's folder, prepares the server that PREFECT_API_URL names. It can be run
again at any time: existing objects stay unchanged, including limits changed in the UI; deployments are updated from
prefect.yaml.
"""

import asyncio
import subprocess
import sys
from datetime import timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

from deploy import POOLS
from irodori.loopback import keep_loopback_direct

GPU = "gpu"  # the limit that flows/train_cyclegan.py asks for
SILENCE = timedelta(seconds=90)  # three heartbeats of prefect.toml


async def prepare() -> None:
    """Creates the work pools, the GPU limit and the automation that the server does not have yet."""
    template = await get_default_base_job_template_for_infrastructure_type("process")
    async with get_client() as client:
        known = {pool.name for pool in await client.read_work_pools()}
        for name in POOLS.keys() - known:
            await client.create_work_pool(
                WorkPoolCreate(
                    name=name,
                    type="process",
                    base_job_template=template or {},
                    concurrency_limit=POOLS[name],
                )
            )
        if GPU not in {limit.name for limit in await client.read_global_concurrency_limits()}:
            await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=GPU, limit=1))
        automation = silent_runs_crash()
        if not await client.read_automations_by_name(automation.name):
            await client.create_automation(automation)


def silent_runs_crash() -> AutomationCore:
    """Returns an automation that marks a run Crashed when its heartbeats stop: its process or machine is gone."""
    return AutomationCore(
        name="silent-runs-crash",
        description="A running flow whose heartbeats cease has lost its process.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="No heartbeat: its process is gone.")],
    )


def main() -> int:
    """Prepares the server and deploys; returns the exit status of `prefect deploy`."""
    keep_loopback_direct()
    asyncio.run(prepare())
    return subprocess.run([sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]).returncode


if __name__ == "__main__":
    sys.exit(main())
