"""Planted areas found again on a full mesh: how well, how fast, in how much memory.

    python benchmarks/planted_areas.py                       59,412 points, 400 areas, 2,000 frames
    python benchmarks/planted_areas.py --surfaces DIR        on those surfaces, and beside Gordon's
    python benchmarks/planted_areas.py --divisions 12 --areas 40 --frames 400 --seeds 400

Every area has a time series of its own, mixed with those of 17 networks; every point that of its
area and noise, smoothed along the surface like a scan, of a strength at which two points of one
area correlate 0.5 on average. Odd and even frames stand for odd and even sessions. DIR holds
midthickness surfaces of fs_LR 32k (*.L.midthickness*.surf.gii, *.R.*) and Parcels_LR.dtseries.nii
with Gordon's group areas; without it, a simulated bumpy sphere is taken, with a medial wall.

``--exact N`` times the exact similarity on N seeds and scales it to all; ``--workbench`` compares
the gradient of a map with ``wb_command -cifti-gradient``. One row per measure; tables lie in
benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.cortex.boundary_map import Kernels, map_boundaries
from painprint.cortex.evaluate import compare, compare_with_rotated
from painprint.cortex.gather import Gathering
from painprint.cortex.hemispheres import Cortex
from painprint.cortex.mesh import Mesh
from painprint.cortex.naming import Namer
from painprint.cortex.networks import name_by_overlap
from painprint.cortex.operators import make_gradient, make_smoothing
from painprint.cortex.parcels import make_parcels
from painprint.cortex.settings import N_SEEDS, AreaSettings
from painprint.cortex.similarity import ExactSimilarity, LinearSimilarity
from painprint.files.cifti import make_grayordinates, read_brain_models, read_dtseries
from painprint.files.gifti import read_surface, write_surface
from painprint.files.images import STRUCTURES, Grayordinates, Voxels
from painprint.files.labels import read_codes
from painprint.files.maps import write_maps
from painprint.simulate.areas import plant_areas, simulate_hemisphere

TABLE = Path(__file__).parent / "tables" / "planted_areas.tsv"
WITHIN_R = 0.5
N_NETWORKS, MIX = 17, 0.5
NOISE_SIGMA_MM = 2.55
MOVED = 0.2
"""Share of areas whose network is not the template's."""

Rows = list[dict[str, object]]


def main() -> None:
    arguments = _arguments()
    rows: Rows = []
    cortex, axis = _cortex(arguments)
    with stage(rows, "planting (not counted)"):
        truth, halves, within = plant(cortex, arguments)
    say(rows, "points", cortex.n_points)
    say(rows, "frames", arguments.frames)
    say(rows, "planted areas", int(truth.max()) + 1)
    say(rows, "mean r of two points of an area", within)
    with stage(rows, "kernels"):
        kernels = [Kernels.of(mesh) for mesh in cortex.meshes.values()]
    with stage(rows, "gather"):
        gathered = [Gathering(), Gathering()]
        for one, series in zip(gathered, halves, strict=True):
            one.add(series)
    del halves, series
    found = {}
    for name, one in zip(("odd", "even"), gathered, strict=True):
        with stage(rows, f"areas of the {name} half"):
            found[name], _ = areas(one.unit(), cortex, kernels, arguments)
    gathered[0].join(gathered[1])
    whole = gathered[0].unit()
    del gathered
    with stage(rows, "areas of all frames"):
        found["all"], features = areas(whole, cortex, kernels, arguments)
    for name, labels in found.items():
        agreement = compare(truth + 1, labels)
        say(rows, f"{name}: areas found", agreement.n_areas[1])
        say(rows, f"{name}: share of points in an area", agreement.share_both)
        say(rows, f"{name}: ARI with truth, points in an area", agreement.ari)
        say(
            rows,
            f"{name}: median matched Dice with truth, points in an area",
            agreement.dice_inside,
        )
        say(rows, f"{name}: median matched Dice with truth, all points", agreement.dice)
    agreement = compare(found["odd"], found["even"])
    say(rows, "halves: ARI, points in an area in both", agreement.ari)
    say(rows, "halves: median matched Dice, points in an area in both", agreement.dice_inside)
    say(rows, "halves: median matched Dice, all points", agreement.dice)
    of_areas = {"individual": found["all"], "planted": truth + 1}
    gordon = arguments.surfaces and arguments.surfaces / "Parcels_LR.dtseries.nii"
    if axis is not None and gordon:
        group = read_dtseries(gordon, axis)[0].astype(np.int64)
        of_areas["group (Gordon)"] = np.unique(np.maximum(group, 0), return_inverse=True)[1]
        say(rows, "group (Gordon): ARI with truth", compare(truth + 1, group).ari)
    for name, labels in of_areas.items():
        with stage(rows, f"homogeneity against {arguments.turns} turns: {name}"):
            alike = compare_with_rotated(features, labels, cortex, n_rotations=arguments.turns)
        say(rows, f"{name}: homogeneity", alike.observed)
        say(rows, f"{name}: homogeneity of turned areas", float(alike.null.mean()))
        say(rows, f"{name}: homogeneity z", alike.z)
        say(rows, f"{name}: share of turned areas on the wall", alike.share_on_wall)
    name_networks(rows, truth, cortex, arguments)
    say(rows, "peak memory (GB)", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
    if arguments.exact:
        exact(rows, whole, cortex, kernels, arguments.exact)
    if arguments.workbench:
        beside_workbench(rows, cortex)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(arguments.out, sep="\t", index=False, float_format="%.4g")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--surfaces", type=Path)
    parser.add_argument("--divisions", type=int, default=57)
    parser.add_argument("--areas", type=int, default=400)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--exact", type=int, default=0)
    parser.add_argument("--workbench", action="store_true")
    parser.add_argument("--random-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TABLE)
    return parser.parse_args()


@contextmanager
def stage(rows: Rows, name: str) -> Iterator[None]:
    """Seconds of a stage."""
    start = time.perf_counter()
    yield
    say(rows, f"seconds: {name}", time.perf_counter() - start)


def say(rows: Rows, measure: str, value: float) -> None:
    """Keep a number, and show it."""
    rows.append({"measure": measure, "value": value})
    print(f"{measure}\t{value:.4g}", flush=True)


def _cortex(arguments: argparse.Namespace) -> tuple[Cortex, Grayordinates | None]:
    """Surfaces that were given, or simulated."""
    if arguments.surfaces:
        axis = read_brain_models(arguments.surfaces / "Parcels_LR.dtseries.nii")
        meshes = {}
        for side, structure in STRUCTURES.items():
            (path,) = sorted(arguments.surfaces.glob(f"*.{side}.midthickness*.surf.gii"))
            vertices, faces = read_surface(path)
            inside = np.zeros(len(vertices), bool)
            inside[axis.axis.vertex[axis.axis.name == structure]] = True
            meshes[side] = Mesh(vertices, faces, inside)
        return Cortex(meshes), axis
    return Cortex({side: simulate_hemisphere(arguments.divisions, side)[0] for side in "LR"}), None


def plant(
    cortex: Cortex, arguments: argparse.Namespace
) -> tuple[np.ndarray, list[np.ndarray], float]:
    """The area of each point, time series of two halves of the frames, and what they correlate."""
    rng = np.random.default_rng(arguments.random_seed)
    truth, series, alike = [], [], []
    n_areas, n_frames = arguments.areas // len(cortex.meshes), arguments.frames
    networks = rng.normal(size=(N_NETWORKS, n_frames))
    for number, mesh in enumerate(cortex.meshes.values()):
        own = plant_areas(mesh, n_areas, rng)
        signal = rng.normal(size=(n_areas, n_frames))
        signal += MIX * rng.normal(size=(n_areas, N_NETWORKS)) @ networks
        signal /= signal.std(axis=1, keepdims=True)
        smooth = make_smoothing(mesh, NOISE_SIGMA_MM)
        noise = np.asarray(smooth @ rng.normal(size=(len(own), n_frames)), np.float32)
        noise /= noise.std(axis=1, keepdims=True)
        shared = _within(noise, own)
        # r of two points is (1 + s² shared) / (1 + s²)
        strength = np.sqrt((1 - WITHIN_R) / (WITHIN_R - shared))
        noise *= strength
        noise += signal[own]
        alike.append(_within(noise, own))
        truth.append(own + number * n_areas)
        series.append(noise)
    both = np.concatenate(series)
    halves = [np.ascontiguousarray(both[:, first::2]) for first in (0, 1)]
    return np.concatenate(truth), halves, float(np.mean(alike))


def _within(series: np.ndarray, areas: np.ndarray) -> float:
    """Mean correlation of two points of one area, mean over areas."""
    found = []
    for area in range(areas.max() + 1):
        points = np.flatnonzero(areas == area)
        if len(points) > 1:
            r = np.corrcoef(series[points])
            found.append((r.sum() - len(points)) / (len(points) * (len(points) - 1)))
    return float(np.mean(found))


def areas(
    unit: np.ndarray, cortex: Cortex, kernels: list[Kernels], arguments: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Areas of time series, and the features that they are made of."""
    similarity = LinearSimilarity.of(unit)
    found = map_boundaries(similarity, kernels, n_seeds=arguments.seeds)
    return make_parcels(found.density, cortex.adjacency), similarity.features


def name_networks(
    rows: Rows, truth: np.ndarray, cortex: Cortex, arguments: argparse.Namespace
) -> None:
    """Plant networks too, and name the planted areas by communities and by overlap.

    Half of the variance of an area's series is its network's: that of the template if there is one,
    else of 17 that are planted like areas. The person's networks differ from the template: a fifth
    of the areas belong to another one.
    """
    rng = np.random.default_rng(arguments.random_seed + 1)
    labels = truth + 1
    path = arguments.surfaces and arguments.surfaces / "Networks_template.dscalar.nii"
    if path:
        image = read_codes(path)
        sides = zip(("L", "R"), cortex.meshes.values(), strict=True)
        template = np.concatenate([image.on_cortex(side)[mesh.cortex] for side, mesh in sides])
    else:
        template = np.concatenate(
            [plant_areas(mesh, N_NETWORKS, rng) + 1 for mesh in cortex.meshes.values()]
        )
    own, _ = name_by_overlap(labels, template)
    moved = rng.random(len(own)) < MOVED
    own[moved] = rng.integers(1, N_NETWORKS + 1, int(moved.sum()))
    n_frames = arguments.frames
    signal = rng.normal(size=(len(own), n_frames))
    signal += rng.normal(size=(N_NETWORKS + 1, n_frames))[own]
    signal /= signal.std(axis=1, keepdims=True)
    series = rng.normal(size=(len(labels), n_frames)).astype(np.float32) + signal[truth]
    one = Gathering()
    one.add(series)
    del series, signal
    unit = one.unit()
    features = LinearSimilarity.of(unit).features
    namer = Namer(unit, features, cortex, AreaSettings(), template=template)
    with stage(rows, "communities and names"):
        named = namer.name(labels, n_jobs=2)
    known = own > 0
    say(
        rows,
        "names by communities: share of areas right",
        float((named.codes == own)[known].mean()),
    )
    overlap, _ = name_by_overlap(labels, template)
    say(rows, "names by overlap alone: share of areas right", float((overlap == own)[known].mean()))


def exact(
    rows: Rows, unit: np.ndarray, cortex: Cortex, kernels: list[Kernels], n_seeds: int
) -> None:
    """Time the exact similarity on some seeds, scale it to all, and compare the maps."""
    similarity = ExactSimilarity(unit)
    with stage(rows, f"exact boundary map of {n_seeds} seeds"):
        of_exact = map_boundaries(similarity, kernels, n_seeds=n_seeds)
    spent = float(str(rows[-1]["value"]))
    linear = map_boundaries(LinearSimilarity.of(unit), kernels, n_seeds=n_seeds)
    r = float(np.corrcoef(of_exact.density, linear.density)[0, 1])
    say(rows, f"r of exact and linear boundary map, {n_seeds} seeds", r)
    # a pass over all pairs costs as much as so many seeds more, by the products that it takes
    base = unit.shape[1]
    passes = 1 + -(-(n_seeds - 600) // similarity.at_a_time)
    all_passes = 1 + -(-(cortex.n_points - 600) // similarity.at_a_time)
    per_column = spent / (passes * base + n_seeds)
    hours = per_column * (all_passes * base + cortex.n_points) / 3600
    say(rows, "hours: exact boundary map of all seeds (scaled, not run)", hours)


def beside_workbench(rows: Rows, cortex: Cortex, n_maps: int = 60) -> None:
    """Milliseconds per gradient map, ours and Workbench's with its reading and writing."""
    rng = np.random.default_rng(0)
    inside = {
        f"cortex_{side}": np.flatnonzero(mesh.cortex)
        for side, mesh in zip(("left", "right"), cortex.meshes.values(), strict=True)
    }
    n_vertices = len(next(iter(cortex.meshes.values())).vertices)
    axis = make_grayordinates(inside, n_vertices, {}, Voxels(np.zeros((1, 1, 1), bool), np.eye(4)))
    maps = rng.normal(size=(cortex.n_points, n_maps)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        paths = {side: Path(folder) / f"{side}.surf.gii" for side in cortex.meshes}
        for side, mesh in cortex.meshes.items():
            write_surface(paths[side], mesh.vertices, mesh.faces, side)
        source, made = Path(folder) / "in.dscalar.nii", Path(folder) / "out.dscalar.nii"
        write_maps(source, axis, {str(i): one for i, one in enumerate(maps.T.astype(float))})
        start = time.perf_counter()
        subprocess.run(
            ["wb_command", "-cifti-gradient", str(source), "COLUMN", str(made),
             "-left-surface", str(paths["L"]), "-right-surface", str(paths["R"])],
            check=True, capture_output=True,
        )  # fmt: skip
        theirs = (time.perf_counter() - start) / n_maps
    begin = time.perf_counter()
    gradients = [make_gradient(mesh) for mesh in cortex.meshes.values()]
    single = [type(g)(g.x.astype(np.float32), g.y.astype(np.float32)) for g in gradients]
    start = time.perf_counter()
    for one, part in zip(single, cortex.parts.values(), strict=True):
        one.magnitude(maps[part])
    end = time.perf_counter()
    ours, with_operators = (end - start) / n_maps, (end - begin) / n_maps
    say(rows, f"ms per gradient map, {n_maps} maps: wb_command -cifti-gradient", 1e3 * theirs)
    say(rows, "ms per gradient map: ours, with making the operators", 1e3 * with_operators)
    say(rows, "ms per gradient map: ours, once they are made", 1e3 * ours)
    say(rows, "times faster than wb_command, with making the operators", theirs / with_operators)
    say(rows, "times faster than wb_command, once they are made", theirs / ours)


if __name__ == "__main__":
    main()
