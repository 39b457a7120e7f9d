"""Makes golden.npz with Connectome Workbench (Debian's connectome-workbench, 1.5.0).

    python tests/data/cortex/make_golden.py [FILE]

A bumpy sphere with a medial wall: noise, the same smoothed, its gradient, and distances.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np

from painprint.cortex.sphere import make_sphere
from painprint.files.gifti import write_surface

DIVISIONS, SIGMAS, SOURCES = 12, (1.2, 2.0, 4.0, 9.0), (0, 700)
MEDIAL_WALL = 0.85
"""Vertices whose x on the unit sphere is larger lie on the medial wall."""


def make_surface() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and cortex of a bumpy ellipsoid."""
    ball, faces = make_sphere(DIVISIONS)
    waves = 1 + 0.15 * np.sin(7 * ball).prod(axis=1, keepdims=True)
    vertices = (ball * waves * [30, 60, 45]).astype(np.float32)  # as GIFTI holds them
    return vertices.astype(float), faces, ball[:, 0] <= MEDIAL_WALL


def write_metric(path: Path, values: np.ndarray) -> None:
    """Maps of a surface as GIFTI."""
    arrays = [
        nib.gifti.GiftiDataArray(one.astype(np.float32), intent="NIFTI_INTENT_NONE")
        for one in np.atleast_2d(values)
    ]
    image = nib.gifti.GiftiImage(darrays=arrays)
    image.meta["AnatomicalStructurePrimary"] = "CortexLeft"
    nib.save(image, path)


def read_metric(path: Path) -> np.ndarray:
    """Maps of a GIFTI file: (n_maps, n_vertices)."""
    return np.array([array.data for array in nib.load(path).darrays])


def ask_workbench(folder: Path, noise: np.ndarray) -> dict[str, np.ndarray]:
    """What Workbench makes of the noise on the bumpy sphere."""
    vertices, faces, cortex = make_surface()
    surface, metric, roi = (str(folder / f"{n}.gii") for n in ("s.surf", "m.func", "roi.func"))
    write_surface(Path(surface), vertices, faces, "L")
    write_metric(Path(metric), noise)
    write_metric(Path(roi), cortex.astype(float))
    found = {}

    def ask(*words: str) -> np.ndarray:
        out = str(folder / "out.func.gii")
        command = ["wb_command", *words[:1], surface, *words[1:]]
        subprocess.run([word if word != "OUT" else out for word in command], check=True)
        return read_metric(Path(out))

    for sigma in SIGMAS:
        found[f"smoothed_{sigma:g}"] = ask(
            "-metric-smoothing", metric, str(sigma), "OUT", "-roi", roi
        )
    found["gradient"] = ask("-metric-gradient", metric, "OUT", "-roi", roi)
    for source in SOURCES:
        found[f"geodesic_{source}"] = ask("-surface-geodesic-distance", str(source), "OUT")[0]
    return found


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("golden.npz")
    n = 10 * DIVISIONS**2 + 2
    noise = np.random.default_rng(0).normal(size=(2, n)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        found = ask_workbench(Path(folder), noise)
    np.savez_compressed(target, noise=noise, **found)


if __name__ == "__main__":
    main()
