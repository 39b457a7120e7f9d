"""How long live reading takes for a volume, and whether memory grows.

    python benchmarks/live_latency.py                       450 regions, 29 models, 20,000 volumes
    python benchmarks/live_latency.py --stream DICOM        from a complete mosaic file to the means
    python benchmarks/live_latency.py --volumes 500 --out T  a quick look

From the values of a volume to its line in the file: scaling, scores of the final model and of 28
fold models, running mean, interval, range. Values are random, and so are the weights, since
neither changes the time. Memory is that of the process (RSS) after a tenth of the volumes, and the
most from then on. With --stream, the real mosaics of a folder are read and averaged in 450 random
regions of their grid, over and over; this comes before what the table of the others has.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from painprint.edges import count_edges
from painprint.live.reader import LiveReading
from painprint.live.record import Record
from painprint.live.scorer import LiveScorer
from painprint.live.volume import Volume
from painprint.regions import Regions
from painprint.signature.applicability import ApplicabilityDomain, ReferenceDistribution
from painprint.signature.model import History, Signature, UsedModel
from painprint.stats.conformal import NonconformityScores

TABLE = Path(__file__).parent / "tables" / "live_latency.tsv"
TR_S = 0.46


def random_signature(n_regions: int, n_sessions: int, rng: np.random.Generator) -> Signature:
    """A signature of random weights with the sizes of a real one."""
    n_edges, held_out = count_edges(n_regions), [f"{i + 1:02d}" for i in range(n_sessions)]
    components = np.linalg.qr(rng.normal(size=(n_edges, 28)))[0].T.astype(np.float32)
    distributions = {
        (measure, scale): ReferenceDistribution(5.0, 1.0, n_sessions)
        for measure in ("leverage", "residual")
        for scale in ("run", "session")
    }
    errors = [rng.random(30) for _ in held_out]
    return Signature(
        regions=Regions(tuple(f"R{i}" for i in range(n_regions)), ("",) * n_regions),
        models=tuple(UsedModel(name, 0.5, 0.5, 6.0) for name in ("", *held_out)),
        weights=rng.normal(0, 1e-3, size=(n_sessions + 1, n_edges)),
        preset="recommended",
        drop_s=30.0,
        tr_s=(TR_S,),
        simulated=True,
        metrics={},
        domain=ApplicabilityDomain(
            np.zeros(n_edges), components, np.ones(28), distributions, 570.0, (TR_S,)
        ),
        history=History({"1min": NonconformityScores(errors)}, (0.5,) * n_sessions),
    )


def measure(n_regions: int, n_volumes: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    signature = random_signature(n_regions, 28, rng)
    frames = rng.normal(1000, 10, size=(512, n_regions))
    process, memory, took = psutil.Process(), [], []
    with tempfile.TemporaryDirectory() as folder:
        record = Record(Path(folder), "run", {}, signature.regions.names)
        reading = LiveReading(record, LiveScorer(signature, signature.regions.names, TR_S))

        def volumes():
            for index in range(n_volumes):
                began = time.perf_counter()
                yield Volume(index, frames[index % 512], time.monotonic(), index * TR_S)
                took.append(1e3 * (time.perf_counter() - began))
                if index >= n_volumes // 10 and index % 50 == 0:
                    memory.append(process.memory_info().rss / 1e6)

        source = volumes()
        reading.follow(_Source(signature.regions.names, source))
        record.close()
    return {
        "n_regions": n_regions, "n_models": len(signature.models), "n_volumes": n_volumes,
        "p50_ms": np.median(took), "p99_ms": np.percentile(took, 99), "max_ms": max(took),
        "later_than_next": int(np.sum(np.array(took) > 1e3 * TR_S)),
        "rss_first_mb": memory[0], "rss_most_mb": max(memory),
    }  # fmt: skip


def measure_mosaics(folder: Path, n_regions: int, n_repeats: int) -> dict[str, float]:
    """Time from a complete mosaic file to the mean of each region (ms)."""
    import nibabel as nib

    from painprint.atlas.image import AtlasFiles, read_atlas
    from painprint.files.dicom import read_dicom
    from painprint.live.grid import RegionsOfVolumes

    paths = sorted(folder.glob("*.dcm"))
    first = read_dicom(paths[0]).volume()
    rng = np.random.default_rng(0)
    labels = rng.integers(1, n_regions + 1, size=first.values.shape).astype(np.int16)
    with tempfile.TemporaryDirectory() as temporary:
        image = Path(temporary) / "atlas_dseg.nii.gz"
        nib.save(nib.Nifti1Image(labels, first.affine), image)
        regions = RegionsOfVolumes(read_atlas(AtlasFiles("Today", image, None)))
    took = []
    for path in paths * n_repeats:
        began = time.perf_counter()
        mosaic = read_dicom(path).volume()
        regions.means(mosaic.values, mosaic.affine)
        took.append(1e3 * (time.perf_counter() - began))
    return {
        "n_regions": n_regions, "n_files": len(took), "p50_ms": np.median(took),
        "p99_ms": np.percentile(took, 99), "max_ms": max(took),
    }  # fmt: skip


class _Source:
    def __init__(self, regions, volumes) -> None:
        self.regions, self.tr_s, self.dropped, self._volumes = tuple(regions), TR_S, {}, volumes

    def __iter__(self):
        return self._volumes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, nargs="+", default=[200, 450])
    parser.add_argument("--volumes", type=int, default=20_000)
    parser.add_argument("--stream", type=Path)
    parser.add_argument("--out", type=Path, default=TABLE)
    args = parser.parse_args()
    if args.stream is not None:
        print(pd.Series(measure_mosaics(args.stream, 450, 20)).round(2).to_string())
        return
    table = pd.DataFrame([measure(n, args.volumes) for n in args.regions])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    table.round(3).to_csv(args.out, sep="\t", index=False)
    print(table.round(2).T.to_string())


if __name__ == "__main__":
    main()
