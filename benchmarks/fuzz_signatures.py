"""Signatures with wrong content under right hashes, and everything that is done with a signature.

Part of fuzz_readers.py, which says how to run it.
"""

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from painprint import Regions, Settings
from painprint.apps.new_runs import check_atlas
from painprint.apps.predict import predict, score_sessions
from painprint.apps.recalibrate import _as_read_before, _check_range
from painprint.atlas.image import AtlasFiles
from painprint.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.report.reading import write_reading
from painprint.results.predecessor import read_predecessor
from painprint.settings import CLEANING, READ_WITH
from painprint.signature.applicability import ApplicabilityDomain, ReferenceDistribution
from painprint.signature.file import read_signature, write_signature
from painprint.signature.model import History, Signature, UsedModel
from painprint.signature.origin import Origin
from painprint.signature.person import PersonMatch
from painprint.signature.recalibrate import check_drift
from painprint.signature.recalibrate import recalibrate as recalibrate_on
from painprint.stats.conformal import NonconformityScores
from painprint.store.files import content_key

SCALE_SIZES = (("1min", 6), ("run", 2), ("session", 1))
GROUPS = ("02", "03", "04", "05", "06", "07")
PAGE_OF = 20
"""The page is written for one in so many readings, as figures take most of the time."""


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


VALUES = [
    None, True, False, "", "x", "a\x00b", "a\nb", "\ud800", "\u2028", "<b>$x$</b>", "9" * 400,
    [], {}, [None], [[]], [1, "a"], {"a": 1}, {"": None}, nested(25), nested(400), [0.0] * 50_000,
    ["a"] * 50_000, {str(i): i for i in range(5000)}, -1, 0, 1, 0.5, 6.5, -0.0, 1e-320, 1e-30, 1e15,
    1e30, 1e31, 1e308, -1e308, float("inf"), float("-inf"), float("nan"), 2**53, 2**63, 10**30,
    -(10**30), 10**400, "session", "run", "1min", "paper", "recommended", "both", "activity",
    "lasso_pcr", "02", "sub-02", "f" * 64,
]  # fmt: skip
NUMBERS = [0.0, -0.0, 1.0, 1e-320, 1e15, 1e30, 1e31, 1e150, 1e308, -1e308, np.inf, -np.inf, np.nan]


def make_signature(names, rng):
    """A small valid signature in which every part is there."""
    models = tuple(UsedModel(held_out, 0.1, 0.5, 6.0) for held_out in ("", *GROUPS))
    distributions = {
        (measure, scale): ReferenceDistribution(-1.0, 9.0, 6)
        for measure in ("leverage", "residual", "motion")
        for scale in ("run", "session")
    }
    components = np.linalg.qr(rng.normal(size=(6, 2)))[0].T.astype(np.float32)
    domain = ApplicabilityDomain(
        rng.uniform(-1, 1, 6), components, np.ones(2), distributions, 24.0, (1.0,)
    )
    errors = {
        scale: NonconformityScores([rng.random(n) for _ in GROUPS]) for scale, n in SCALE_SIZES
    }
    settings = Settings()
    origin = Origin(
        "A", "atlas-A_dseg.dlabel.nii", "0" * 64, "1" * 64,
        {name: getattr(settings, name) for name in CLEANING}, "grayordinates",
        {name: getattr(settings, name) for name in READ_WITH},
    )  # fmt: skip
    scales = {scale: {"r": 0.5, "n": 60} for scale in ("1min", "2min", "run", "session")}
    return Signature(
        Regions(tuple(names), ("A", "A", "B", "")), models, rng.normal(size=(7, 6)), "recommended",
        30.0, (1.0,), True, {"scales": scales, "selected": {"folds": [{"held_out": "02"}]}},
        domain=domain, history=History(errors, (0.1,) * 6), origin=origin, participant="01",
        decoder={"decoder": "ridge", "train_bins": "30s", "features": "both"},
        activity=rng.normal(size=(7, 4)),
    )  # fmt: skip


def write_lineage(folder):
    """A history beside a signature."""
    row = {"sha256": "0" * 64, "participant": "01", "other_person": False, "sessions": ["01"]}
    (folder / "history.json").write_text(json.dumps({"earlier": [row, {"sha256": "1" * 64}]}))


def places(value):
    """Every place in parsed JSON: its container and key."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def retype(content, rng):
    """Values at any depth become others, vanish, or get a neighbour; the hash fits again."""
    tree = json.loads(content)
    tree.pop("sha256", None)
    for _ in range(min(4, rng.geometric(0.7))):
        every = list(places(tree))
        container, key = every[int(rng.integers(len(every)))]
        kind, old = rng.integers(0, 8), container[key]
        if kind == 0:
            del container[key]
        elif kind == 1 and isinstance(container, dict):
            container["unknown"] = any_value(rng)
        elif kind == 1:
            container.append(old)
        elif kind == 2 and isinstance(old, float):
            container[key] = old * float(rng.choice([-1, 1e-12, 1e12, 1e40, 1e200]))
        elif kind == 3:
            other, at = every[int(rng.integers(len(every)))]
            container[key] = json.loads(json.dumps(other.get(at) if isinstance(other, dict) else 0))
        else:
            container[key] = any_value(rng)
        if not tree:
            break
    try:
        digest = content_key(tree)
    except RecursionError:  # two deep nests, one in the other
        digest = ""
    return json.dumps({**tree, "sha256": digest}).encode()


def any_value(rng):
    """A value of its own, which later mutations may change."""
    return json.loads(json.dumps(VALUES[int(rng.integers(len(VALUES)))]))


def reweight(content, rng):
    """Numbers in the arrays become others."""
    arrays = {name: array.copy() for name, array in load(content).items()}
    array = arrays[str(rng.choice(sorted(arrays)))]
    with np.errstate(over="ignore"):
        if rng.random() < 0.3:
            array *= NUMBERS[int(rng.integers(len(NUMBERS)))]
        else:
            at = rng.integers(array.size, size=int(rng.integers(1, 4)))
            array.flat[at] = rng.choice(NUMBERS, size=len(at))
    return save(arrays)


def use_reweighted(folder, use):
    """Give the description the hashes of the arrays that are there, then use the signature."""
    path = folder / "signature.json"
    valid = path.read_bytes()
    tree = json.loads(valid)
    tree.pop("sha256")
    for name, array in load((folder / "weights.safetensors").read_bytes()).items():
        tree["arrays"][name]["sha256"] = hashlib.sha256(array.tobytes()).hexdigest()
    try:
        path.write_text(json.dumps({**tree, "sha256": content_key(tree)}))
        use()
    finally:
        path.write_bytes(valid)


class Use:
    """Everything that is done with a signature that can be read.

    Anything but finite numbers or a DerivativesError is a failure.
    """

    def __init__(self, folder, series, runs):
        self.folder, self.series, self.runs = folder, series, runs
        self.number = -1  # the first one, which is valid, writes a page

    def __call__(self):
        self.number += 1
        signature = read_signature(self.folder)
        _as_read_before(signature, Settings(task_id=("rating",)))
        self.try_atlas(signature)
        with tempfile.TemporaryDirectory() as scratch:
            self.recalibrate(signature, Path(scratch))
            for fold in sorted({model.held_out for model in signature.models})[:2]:
                need_finite(
                    predict(self.folder, [self.series], fold=fold, other_person=True).full()
                )
            if signature.history is not None:
                self.read(Path(scratch))

    def read(self, scratch):
        signature, scored = score_sessions(self.folder, [self.series])
        (session,) = scored
        table = session.table
        assert np.isfinite(table["predicted"]).all(), "a prediction is not finite"
        ends = table[[name for name in table if "low_" in name or "high_" in name]]
        assert not np.isinf(ends.to_numpy(float)).any(), "the end of an interval is infinite"
        if self.number % PAGE_OF == 0:
            write_reading(scratch / "reading.html", signature, scored)

    def try_atlas(self, signature):
        image = AtlasFiles("A", self.series, None)
        try:
            check_atlas(signature, image, InputHashes())
        except DerivativesError:
            pass  # it is none

    def recalibrate(self, signature, scratch):
        """As the command does, which makes a DerivativesError of every ValueError."""
        try:
            person = PersonMatch(signature.participant, "01", True)
            _check_range(signature, self.runs, person)
            check_drift(signature, self.runs)
            new, slope, offset = recalibrate_on(signature, self.runs)
        except ValueError:
            return
        assert np.isfinite([slope, offset]).all(), "slope or offset is not finite"
        write_signature(scratch / "new", new)
        read_signature(scratch / "new")


def need_finite(text):
    """Check the printed table of predictions."""
    header, *rows = [line.split("\t") for line in text.split("\n")]
    at = header.index("predicted")
    assert np.isfinite([float(row[at]) for row in rows]).all(), "a prediction is not finite"


def read_lineage(folder):
    """As learn and recalibrate do."""
    read_predecessor(folder, "01")
