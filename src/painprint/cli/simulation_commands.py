"""Commands of simulated people: simulate, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from painprint.apps.arguments import StudyExecution
from painprint.apps.folders import check_can_be_written
from painprint.cli.program import FLAT, app
from painprint.cli.run import run
from painprint.help_text import examples
from painprint.settings import Settings
from painprint.simulate.world import Layout, World
from painprint.terminal import logged, progress


@app.command(help_epilogue=examples("simulate"))
def simulate(
    out: Path,
    *,
    sessions: tuple[int, ...] = (23, 28),
    null: int = 0,
    layout: Layout = "xcp_d",
    world: Annotated[World, FLAT] = World(),  # noqa: B008 (frozen)
    random_seed: int = 0,
) -> None:
    """Write a BIDS dataset of simulated people with a known signature.

    Parameters
    ----------
    out
        A new folder.
    sessions
        Number of sessions of each person.
    null
        Number of people without a signature: the last ones.
    layout
        Regional time series as written by XCP-D; or dense BOLD with confounds as written by
        fMRIPrep (CIFTI, CIFTI with areas on surfaces, or volumes) or ciftify. Surfaces of full
        resolution take about 0.5 GB for each run of 10 min; --divisions 12 is smaller and faster.
    random_seed
        Seed of the random number generator.
    """
    from painprint.apps.simulate import simulate_people

    with logged(None):
        check_can_be_written(out)
        with progress("simulate", is_kept=False) as follow:
            written = simulate_people(
                out, sessions, n_null=null, layout=layout, world=world, random_seed=random_seed,
                progress=follow,
            )  # fmt: skip
        print(written)


@app.command
def demo(out: Path = Path("demo-output"), *, n_jobs: int = 2) -> None:
    """Simulate two people and one without a signature, decode them, test each signature on the
    others, and write their pages.

    Parameters
    ----------
    out
        A new folder; the dataset goes to OUT/bids, the results to OUT/results.
    n_jobs
        Number of workers.
    """
    from painprint.apps.simulate import simulate_demo

    with logged(None):
        check_can_be_written(out)
        with progress("simulate", is_kept=False) as follow:
            bids, results, written = simulate_demo(out, progress=follow)
        print(written)
    settings = Settings(task_id=("rating",), skip=("baselines",))
    run(bids, results, "participant", settings=settings, execution=StudyExecution(n_jobs=n_jobs))
    run(bids, results, "group")
    print(
        f"Simulated people: open {results}/sub-01.html. The person of sub-03.html has no "
        f"signature. {results}/group.html tests each signature on the other people."
    )
