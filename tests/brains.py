"""A small brain for tests: fsaverage5 with patches, and a few voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from painprint.atlas.geometry import template_meshes
from painprint.files.cifti import make_grayordinates
from painprint.files.gifti import write_surface
from painprint.files.images import Voxels
from painprint.files.maps import write_labels

MNI_2MM = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])
N_VERTICES = 10_242


def patches(n: int, side: str) -> np.ndarray:
    """Patch 0 to n - 1 of each vertex of a hemisphere of fsaverage5, from back to front."""
    y = template_meshes()[side][1]["folded"][:, 1]
    return np.minimum((np.argsort(np.argsort(y)) * n) // len(y), n - 1)


def write_atlas(folder: Path, names: list[str], networks: list[str], label: str = "A") -> Path:
    """A dlabel.nii with its table: the last two regions are voxels, the others patches of cortex.

    The image's order is not the table's.
    """
    n_left = (len(names) - 2) // 2
    n_right = len(names) - 2 - n_left
    labels = {name: 3 * i + 5 for i, name in enumerate(reversed(names))}
    left, right = patches(n_left, "L"), n_left + patches(n_right, "R")
    inside = np.arange(0, N_VERTICES, 1)[100:]  # a medial wall of 100 vertices
    ijk = np.array([[38, 60, 40], [38, 61, 40], [52, 60, 40], [52, 61, 40]])
    points = make_grayordinates(
        {"cortex_left": inside, "cortex_right": inside},
        N_VERTICES,
        {"thalamus_right": ijk[:2], "thalamus_left": ijk[2:]},
        Voxels(np.zeros((91, 109, 91), bool), MNI_2MM),
    )
    deep = [len(names) - 2] * 2 + [len(names) - 1] * 2
    region = np.concatenate([left[inside], right[inside], deep])
    values = np.array([labels[names[k]] for k in region])
    folder = folder / "atlases" / f"atlas-{label}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"atlas-{label}_space-fsaverage_den-10k_dseg.dlabel.nii"
    write_labels(path, points, values, {value: name for name, value in labels.items()})
    rows = zip(names, networks, strict=True)
    lines = [f"{labels[name]}\t{name}\t{network}" for name, network in rows]
    table = "\n".join(["index\tlabel\tnetwork_label", *lines]) + "\n"
    (folder / f"atlas-{label}_dseg.tsv").write_text(table)
    return path


def write_own_surfaces(folder: Path, sub: str) -> None:
    """The participant's own midthickness and inflated surface."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, (faces, shapes) in template_meshes().items():
        for shape, suffix in (("folded", "midthickness"), ("inflated", "inflated")):
            name = f"sub-{sub}_hemi-{side}_space-fsaverage_den-10k_{suffix}.surf.gii"
            write_surface(folder / name, shapes[shape], faces, side)
