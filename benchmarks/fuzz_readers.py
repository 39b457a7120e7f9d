"""Mutate files of every kind and read them: nothing but a DerivativesError may come of it.

    python benchmarks/fuzz_readers.py                     20,000 files
    python benchmarks/fuzz_readers.py --files 400         a quick look
    python benchmarks/fuzz_readers.py --only retyped     signatures whose hashes fit (second table)
    python benchmarks/fuzz_readers.py --atheris           guided by coverage, with atheris

A file is valid, then a few of its bytes are flipped, cut, doubled, or replaced by what tends to
hurt. "resealed" is a signature's description whose hash was made anew after it was wounded, so that
what lies behind the hash is tried too. "retyped" is one in which values at any depth became others
of any type and size, with a hash that fits, and "reweighted" has such numbers in its arrays; what
can be read of both is then used: a run is predicted, and the page written. "lineage" is the history
beside a signature, retyped. A file fails the study when a reader raises anything else,
takes more than 10 s, when memory passes 1 GB, or when anything tries to run a program, open a
connection or unpickle.
"""

from __future__ import annotations

import argparse
import gzip
import inspect
import json
import logging
import resource
import signal
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import fuzz_signatures
import nibabel as nib
import numpy as np

from painprint import Settings
from painprint.atlas.table import load_regions
from painprint.bids.find import find_runs
from painprint.bids.load import load_run
from painprint.bids.sessions import read_sessions
from painprint.errors import DerivativesError
from painprint.files.cifti import read_ptseries
from painprint.files.dataset import Dataset
from painprint.signature.file import read_signature, write_signature
from painprint.store.files import content_key

STEM = "sub-01_ses-01_task-rating_run-1"
FUNC = "sub-01/ses-01/func"
HURTING = [
    b"nan", b"inf", b"-", b"1e999", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\t\t\t", b"\r\n",
    b'"', b"'", b"[" * 3000, b"{" * 3000, b"9" * 400, b"n/a", b"1_000", b"0x10", b"\n\n", b"=cmd()",
    b"null", b"true", b"../../..", b"!!python/object", b"\x80\x04.", b"1e-320", b",", b";",
]  # fmt: skip
READERS = tuple(f"painprint.{room}" for room in ("files", "bids", "atlas", "store", "signature"))
FORBIDDEN = ("exec", "os.system", "os.exec", "subprocess.Popen", "socket.connect", "pickle.find")


def make_valid(root):
    """One small valid dataset and signature."""
    rng = np.random.default_rng(0)
    raw, derived = root / FUNC, root / "derivatives/xcp_d" / FUNC
    raw.mkdir(parents=True)
    derived.mkdir(parents=True)
    names = [f"R{i}" for i in range(4)]
    table(derived / f"{STEM}_atlas-A_stat-mean_timeseries.tsv", names, rng.normal(size=(60, 4)))
    sidecar = derived / f"{STEM}_atlas-A_stat-mean_timeseries.json"
    sidecar.write_text('{"RepetitionTime": 1.0, "StartTime": 0.5}')
    table(derived / f"{STEM}_outliers.tsv", ["framewise_displacement"], np.zeros((60, 1)))
    motion = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
    table(derived / f"{STEM}_motion.tsv", motion, rng.normal(size=(60, 6)))
    atlas = root / "derivatives/xcp_d/atlases/atlas-A/atlas-A_dseg.tsv"
    atlas.parent.mkdir(parents=True)
    atlas.write_text("index\tlabel\tnetwork_label\n1\tR0\tA\n2\tR1\tA\n3\tR2\tB\n4\tR3\tn/a\n")
    rating = "".join(f"{value:.3f}\n" for value in rng.random(60))
    physio = raw / f"{STEM}_recording-pain_physio.tsv.gz"
    physio.write_bytes(gzip.compress(rating.encode(), mtime=0))
    described = {"SamplingFrequency": 1.0, "StartTime": 0, "Columns": ["pain"]}
    (raw / f"{STEM}_recording-pain_physio.json").write_text(json.dumps(described))
    (root / "sub-01/sub-01_sessions.tsv").write_text(
        "session_id\tacq_time\tdose\nses-01\t2000-01-01T00:00:00\t5\n"
    )
    voxels = nib.cifti2.BrainModelAxis.from_mask(np.ones((4, 1, 1), bool), affine=np.eye(4))
    parcels = nib.cifti2.ParcelsAxis.from_brain_models(
        [(name, voxels[i : i + 1]) for i, name in enumerate(names)]
    )
    series = nib.cifti2.SeriesAxis(0, 1, 20)
    image = nib.Cifti2Image(rng.normal(size=(20, 4)).astype(np.float32), (series, parcels))
    nib.save(image, root / "image.ptseries.nii")
    write_signature(root / "signature", fuzz_signatures.make_signature(names, rng))
    fuzz_signatures.write_lineage(root / "signature")


def read_resealed(folder):
    """Make the hash of a description anew where it is still an object, then read."""
    path = folder / "signature.json"
    try:
        content = json.loads(path.read_bytes())
        content.pop("sha256")
        path.write_text(json.dumps({**content, "sha256": content_key(content)}))
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        pass  # what is no description is tried by "signature"
    read_signature(folder)


def table(path, names, values):
    np.savetxt(path, values, fmt="%.4f", delimiter="\t", header="\t".join(names), comments="")


def read_study(root):
    found = find_runs(Dataset(root, "raw"), [Dataset(root / "derivatives/xcp_d", "d")], "01")
    return [load_run(files, Settings())[0] for files in found.runs]


def read_resp(root):
    resp = root / FUNC / f"{STEM}_resp.tsv"
    physio = root / FUNC / f"{STEM}_recording-pain_physio.tsv.gz"
    kept = physio.read_bytes()
    physio.unlink()
    try:
        read_study(root)
    finally:
        physio.write_bytes(kept)
        resp.unlink()


def targets(root):
    """Name: (file, its valid content, how to read it)."""
    derived = root / "derivatives/xcp_d" / FUNC
    dseg = root / "derivatives/xcp_d/atlases/atlas-A/atlas-A_dseg.tsv"
    sessions = root / "sub-01/sub-01_sessions.tsv"
    raw = root / FUNC
    resp = "".join(f"{i}\t{i / 60:.3f}\n" for i in range(60)).encode()
    series = f"{STEM}_atlas-A_stat-mean_timeseries"
    image, signature = root / "image.ptseries.nii", root / "signature"
    study = lambda: read_study(root)  # noqa: E731
    use = fuzz_signatures.Use(signature, derived / f"{series}.tsv", read_study(root))
    files = {
        "series": (derived / f"{series}.tsv", study),
        "sidecar": (derived / f"{series}.json", study),
        "outliers": (derived / f"{STEM}_outliers.tsv", study),
        "motion": (derived / f"{STEM}_motion.tsv", study),
        "physio": (raw / f"{STEM}_recording-pain_physio.tsv.gz", study),
        "physio sidecar": (raw / f"{STEM}_recording-pain_physio.json", study),
        "resp": (raw / f"{STEM}_resp.tsv", lambda: read_resp(root)),
        "dseg": (dseg, lambda: load_regions(dseg)),
        "sessions": (sessions, lambda: read_sessions(Dataset(root, "raw").files_of("01"))),
        "ptseries": (image, lambda: read_ptseries(image)),
        "signature": (signature / "signature.json", lambda: read_signature(signature)),
        "weights": (signature / "weights.safetensors", lambda: read_signature(signature)),
        "resealed": (signature / "signature.json", lambda: read_resealed(signature)),
        "retyped": (signature / "signature.json", use),
        "reweighted": (
            signature / "weights.safetensors",
            lambda: fuzz_signatures.use_reweighted(signature, use),
        ),
        "lineage": (
            signature / "history.json",
            lambda: fuzz_signatures.read_lineage(signature),
        ),
    }
    return {
        name: (path, resp if name == "resp" else path.read_bytes(), read)
        for name, (path, read) in files.items()
    }


MUTATIONS = {
    "retyped": fuzz_signatures.retype,
    "reweighted": fuzz_signatures.reweight,
    "lineage": fuzz_signatures.retype,
}
"""How a file of a kind is wounded; by default in its bytes."""


def mutate(content, rng):
    """A few wounds; of a gzip file, inside or outside."""
    if content[:2] == b"\x1f\x8b" and rng.random() < 0.6:
        return gzip.compress(mutate(gzip.decompress(content), rng), mtime=0)
    data = bytearray(content)
    for _ in range(min(5, rng.geometric(0.6))):
        at = int(rng.integers(0, len(data) + 1))
        kind = rng.integers(0, 6)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            del data[at : at + int(rng.integers(1, 200))]
        elif kind == 2:
            data[at:at] = data[at : at + int(rng.integers(1, 400))]
        elif kind == 3:
            del data[at:]
        else:
            data[at:at] = HURTING[int(rng.integers(0, len(HURTING)))]
    return bytes(data)


class Hung(BaseException):
    """A reader took too long; no reader can catch it by accident."""


def is_template(event, args):
    """Whether it is jinja2 that compiles one of our pages."""
    return event == "exec" and "/report/templates/" in args[0].co_filename


class Watch:
    """Raises where a reader hangs, and remembers what it tried to do."""

    def __init__(self):
        self.tried = []
        self.on = False
        sys.addaudithook(self.hear)
        signal.signal(signal.SIGALRM, self.hung)

    def hear(self, event, args):
        if self.on and event.startswith(FORBIDDEN) and not is_template(event, args):
            self.tried.append(event)

    @staticmethod
    def hung(*_):
        raise Hung("more than 10 s")


def read_wounded(path, valid, content, read, watch):
    """What came of it: "read", "refused", or the name of a failure."""
    path.write_bytes(content)
    signal.alarm(10)
    watch.on = True
    try:
        read()
        return "read"
    except DerivativesError:
        return "refused"
    except (Exception, Hung) as error:
        return f"{type(error).__name__}: {error}"[:200]
    finally:
        watch.on = False
        signal.alarm(0)
        path.write_bytes(valid)


def warm_up(kinds):
    """Everything valid is read; and late imports, which run module code, are done."""
    for name, (path, valid, read) in kinds.items():
        wounded = [] if name == "reweighted" else [b"\n", b"\xff", valid[:40]]
        for content in (*([] if name == "resp" else [valid]), *wounded):
            path.write_bytes(content)
            try:
                read()
            except DerivativesError:
                assert content != valid, name
        path.write_bytes(valid)
        if name == "resp":
            path.unlink()


def fuzz(n_files, seed, only):
    warnings.simplefilter("ignore")  # nibabel repairs what it can, and says so
    for name in ("nibabel.global", "painprint"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    watch = Watch()
    outcomes, failures = Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_valid(root)
        kinds = {name: kind for name, kind in targets(root).items() if not only or name in only}
        warm_up(kinds)
        for number in range(n_files):
            rng = np.random.default_rng([seed, number])
            name = list(kinds)[number % len(kinds)]
            path, valid, read = kinds[name]
            outcome = read_wounded(
                path, valid, MUTATIONS.get(name, mutate)(valid, rng), read, watch
            )
            if name == "resp":
                path.unlink(missing_ok=True)
            outcomes[name, outcome if outcome in ("read", "refused") else "FAILED"] += 1
            if outcome not in ("read", "refused"):
                failures.append(f"{name} {number}: {outcome}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    for name in kinds:
        read, refused, failed = (outcomes[name, o] for o in ("read", "refused", "FAILED"))
        print(f"{name:15s} read {read:5d}   refused {refused:5d}   failed {failed:3d}")
    print(f"{n_files} files, {len(failures)} failures, {len(watch.tried)} forbidden acts, "
          f"peak memory {peak:.2f} GB")  # fmt: skip
    print(*failures[:20], *set(watch.tried), sep="\n")
    return not failures and not watch.tried and peak < 1


def instrument_readers(instrument):
    """Let coverage be seen in every function that reads, wherever it was imported to."""
    seen = {}
    for module in [m for name, m in sys.modules.items() if name.startswith("painprint.")]:
        for name, value in list(vars(module).items()):
            if inspect.isfunction(value) and value.__module__.startswith(READERS):
                seen.setdefault(value, instrument(value))
                setattr(module, name, seen[value])


def fuzz_guided(n_files):
    """The same targets, guided by coverage; Ctrl-C or a crash ends it."""
    import atheris

    folder = tempfile.TemporaryDirectory()
    root = Path(folder.name)
    make_valid(root)
    by_name = targets(root)
    warm_up(by_name)
    kinds = list(by_name.values())
    watch = Watch()

    def one(data):
        if not data:
            return
        path, valid, read = kinds[data[0] % len(kinds)]
        outcome = read_wounded(path, valid, data[1:], read, watch)
        if outcome not in ("read", "refused") or watch.tried:
            raise RuntimeError(f"{path.name}: {outcome} {watch.tried}")

    instrument_readers(atheris.instrument_func)
    atheris.Setup([sys.argv[0], f"-runs={n_files}", "-timeout=30", "-rss_limit_mb=1000"], one)
    atheris.Fuzz()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=(), metavar="KIND")
    parser.add_argument("--atheris", action="store_true")
    size = parser.parse_args()
    if size.atheris:
        fuzz_guided(size.files)
    else:
        sys.exit(0 if fuzz(size.files, size.seed, size.only) else 1)


if __name__ == "__main__":
    main()
