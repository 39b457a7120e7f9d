"""Write datasets of simulated people into new folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from shlex import quote

from painprint.apps.arguments import UsageError
from painprint.errors import DerivativesError
from painprint.progress import Progress
from painprint.simulate.person import Person
from painprint.simulate.world import Layout, World
from painprint.simulate.write import ATLAS, FOLDERS, write_people
from painprint.store.files import content_key
from painprint.store.staging import check_new, write_folder
from painprint.wording import count_people, enumerate_names, plural

DEMO_SESSIONS, DEMO_REGIONS = (12, 12, 8), 60


def simulate_people(
    out: Path,
    sessions: Sequence[int],
    *,
    n_null: int = 0,
    layout: Layout = "xcp_d",
    world: World = World(),  # noqa: B008 (frozen)
    random_seed: int = 0,
    progress: Progress | None = None,
) -> str:
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
    progress : Progress, optional
        Is told how far each person is.

    Returns
    -------
    written : str
        What was written, and how to decode it.

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
    people = list_people(sessions, n_null, world)
    about = {"people": [asdict(person) for person in people], "layout": layout}
    write = partial(
        write_people, people=people, layout=layout, random_seed=random_seed, progress=progress
    )
    key = content_key({**about, "random_seed": random_seed, "version": version("painprint")})
    write_folder(out, key, write, last="dataset_description.json")
    return f"{describe_people(out, people, layout)}\n{describe_decoding(out, world, layout)}"


def list_people(sessions: Sequence[int], n_null: int, world: World) -> list[Person]:
    """People by their numbers of sessions, the last ``n_null`` of whom have no signature."""
    return [
        Person(n_sessions, null=i >= len(sessions) - n_null, world=world)
        for i, n_sessions in enumerate(sessions)
    ]


def describe_people(out: Path, people: Sequence[Person], layout: Layout) -> str:
    """What was written of simulated people."""
    world = people[0].world
    n_null = sum(person.null for person in people)
    sessions = [f"{person.n_sessions}" for person in people]
    null = f" ({n_null} without a signature)" if n_null else ""
    shared = "one atlas" if world.one_atlas else "an atlas each"
    if world.shared_signature:
        shared += f", {100 * world.shared_signature:.0f} % of the signature in common"
    bold = "regional time series" if layout == "xcp_d" else "dense BOLD"
    return "\n".join(
        [
            f"Simulated {count_people(len(people))}{null} with "
            f"{enumerate_names(sessions)} sessions of {plural(world.n_runs, 'run')} and a resting "
            f"run of up to {world.run_s:g} s, TR {world.tr_s:g} s.",
            f"Ratings: {out} ({world.rating})",
            f"BOLD: {out / 'derivatives' / FOLDERS[layout]}, {bold} of {world.n_regions} regions "
            f"({shared}; layout {layout})",
            f"True signatures: {out / 'derivatives' / 'truth'}/sub-*/sub-*_edges.tsv",
        ]
    )


def describe_decoding(out: Path, world: World, layout: Layout) -> str:
    """How simulated people are decoded."""
    options = ["--task-id rating"] + ["--rating-of pain"] * (world.rating == "events")
    if layout != "xcp_d":
        options.append(f"--atlas {ATLAS}{'' if world.one_atlas else '01'}")
        if not world.one_atlas:
            options.append("--participant-label 01")
    command = f"painprint run {quote(str(out))} results participant {' '.join(options)}"
    return f"To decode them: {command}"


def simulate_demo(out: Path, *, progress: Progress | None = None) -> tuple[Path, Path, str]:
    """Write the dataset of the demo, unless it exists: two people and one without a signature.

    Parameters
    ----------
    out : Path
        A new folder, or that of an earlier demo.

    Returns
    -------
    bids, results : Path
        Folders of the dataset, and for the results.
    written : str
        What was written.

    Raises
    ------
    UsageError
        If the folder contains something else.
    """
    bids, results = out / "bids", out / "results"
    names = {path.name for path in out.iterdir() if path.name[0] != "."} if out.is_dir() else set()
    last_person = bids / "derivatives" / "truth" / f"sub-{len(DEMO_SESSIONS):02d}"
    if names - {bids.name, results.name} or (bids.exists() and not last_person.is_dir()):
        raise UsageError(
            f"{out} is not empty and was not written by painprint demo; name a new folder."
        )
    world = World(n_regions=DEMO_REGIONS, shared_atlas=True)
    if not bids.exists():
        simulate_people(bids, DEMO_SESSIONS, n_null=1, world=world, progress=progress)
    return bids, results, describe_people(bids, list_people(DEMO_SESSIONS, 1, world), "xcp_d")
