"""Write datasets of simulated people into new folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from painprint.apps.arguments import UsageError
from painprint.simulate.person import Person
from painprint.simulate.world import Layout, World
from painprint.simulate.write import write_people

DEMO_SESSIONS, DEMO_REGIONS = (12, 12, 8), 60


def simulate_people(
    out: Path,
    sessions: Sequence[int],
    *,
    n_null: int = 0,
    layout: Layout = "xcp_d",
    world: World = World(),  # noqa: B008 (frozen)
    random_seed: int = 0,
) -> None:
    """Write a BIDS dataset of people, the last ``n_null`` of whom have no signature.

    Parameters
    ----------
    out : Path
        A new folder.
    sessions : sequence of int
        Sessions of each person.
    n_null : int
        People without a signature.
    layout : str
        How BOLD is written.
    world : World
        Properties of the simulated study.
    random_seed : int
        Seed of everything random.

    Raises
    ------
    UsageError
        If the folder is not empty, or a number is out of range.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"{out} is not a folder; name a new one.")
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty; name a new folder.")
    if random_seed < 0 or not sessions or min(sessions) < 1:
        raise UsageError("--random-seed must be 0 or more, and --sessions 1 or more each.")
    if not 0 <= n_null <= len(sessions):
        raise UsageError(f"--null is {n_null}; there are {len(sessions)} people.")
    people = [
        Person(n_sessions, null=i >= len(sessions) - n_null, world=world)
        for i, n_sessions in enumerate(sessions)
    ]
    write_people(out, people, layout=layout, random_seed=random_seed)


def simulate_demo(bids: Path) -> None:
    """Write the dataset of the demo, unless it exists: two people and one without a signature.

    Raises
    ------
    UsageError
        If the folder contains something else.
    """
    if bids.exists():
        if not (bids / "derivatives" / "truth" / f"sub-{len(DEMO_SESSIONS):02d}").is_dir():
            raise UsageError(f"{bids} is not a demo's dataset; name a new folder.")
        return
    unfinished = bids.with_name(f".{bids.name}.part")
    rmtree(unfinished, ignore_errors=True)
    world = World(n_regions=DEMO_REGIONS, shared_atlas=True)
    simulate_people(unfinished, DEMO_SESSIONS, n_null=1, world=world)
    unfinished.rename(bids)
