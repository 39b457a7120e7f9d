"""Write datasets of simulated people into new folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

from painprint.apps.arguments import UsageError
from painprint.errors import DerivativesError
from painprint.simulate.person import Person
from painprint.simulate.world import Layout, World
from painprint.simulate.write import write_people
from painprint.store.files import content_key
from painprint.store.staging import check_new, write_folder

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
    try:
        check_new(out)
    except DerivativesError as error:
        raise UsageError(str(error)) from error
    if random_seed < 0:
        raise UsageError(f"--random-seed is {random_seed}; it must be at least 0.")
    if not sessions or min(sessions) < 1:
        shown = ", ".join(map(str, sessions)) or "empty"
        raise UsageError(f"--sessions is {shown}; give at least 1 for each person.")
    if not 0 <= n_null <= len(sessions):
        raise UsageError(f"--null is {n_null}; there are {len(sessions)} people.")
    people = [
        Person(n_sessions, null=i >= len(sessions) - n_null, world=world)
        for i, n_sessions in enumerate(sessions)
    ]
    about = {"people": [asdict(person) for person in people], "layout": layout}
    write = partial(write_people, people=people, layout=layout, random_seed=random_seed)
    key = content_key({**about, "random_seed": random_seed, "version": version("painprint")})
    write_folder(out, key, write, last="dataset_description.json")


def simulate_demo(out: Path) -> tuple[Path, Path]:
    """Write the dataset of the demo, unless it exists: two people and one without a signature.

    Parameters
    ----------
    out : Path
        A new folder, or that of an earlier demo.

    Returns
    -------
    bids, results : Path
        Folders of the dataset, and for the results.

    Raises
    ------
    UsageError
        If the folder contains something else.
    """
    bids, results = out / "bids", out / "results"
    names = {path.name for path in out.iterdir() if path.name[0] != "."} if out.is_dir() else set()
    last_person = bids / "derivatives" / "truth" / f"sub-{len(DEMO_SESSIONS):02d}"
    if names - {bids.name, results.name} or (bids.exists() and not last_person.is_dir()):
        raise UsageError(f"{out} is not empty and not a demo's folder; name a new one.")
    if not bids.exists():
        world = World(n_regions=DEMO_REGIONS, shared_atlas=True)
        simulate_people(bids, DEMO_SESSIONS, n_null=1, world=world)
    return bids, results
