"""Priors from files: pooled, shared, refused where they are the person's own, used by commands."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK, Tree, fill, simulate_runs
from safetensors.numpy import load, save

from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.regions import Regions
from painprint.results.read import find_results, read_results
from painprint.signature.file import read_signature
from painprint.signature.prior import (
    Card,
    PooledPrior,
    pool_priors,
    prior_of_signature,
    read_prior,
    write_prior,
)
from painprint.store.files import content_key, write_json

pytestmark = pytest.mark.usefixtures("without_svg")

WITH_PRIOR = [word for word in QUICK if word != "prior"]
"""Options of a study of which the prior is the only stage."""
TIMES = {"lag_s": (6.0,), "drop_s": (0.0,), "tr_s": (1.0,)}


def person(names, seed, n_people=1, **card):
    rng = np.random.default_rng(seed)
    n = len(names)
    mean = {"edges": rng.normal(size=n * (n - 1) // 2), "activity": rng.normal(size=n)}
    sd = {name: np.abs(rng.normal(size=len(w))) * (n_people > 1) for name, w in mean.items()}
    return PooledPrior(Regions(tuple(names), ("",) * n), mean, sd, Card(n_people, False, **card))


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Signatures of two other people, in a folder each."""
    folders = []
    for label, seed in (("02", 11), ("03", 12)):
        root = tmp_path_factory.mktemp(label)
        runs = simulate_runs(np.random.default_rng(seed))
        tree = fill(Tree(root / "bids"), runs)
        for folder in (tree.root, tree.derivatives):
            (folder / "sub-01").rename(folder / f"sub-{label}")
        for path in sorted(root.rglob("*sub-01*"), reverse=True):
            path.rename(path.with_name(path.name.replace("sub-01", f"sub-{label}")))
        assert main(["run", str(tree.root), str(root / "out"), "participant", *QUICK]) == 0
        (folder,) = (root / "out").glob("sub-*/decoding/*_signature")
        folders.append(folder)
    return folders


def test_the_mean_is_over_people_who_have_a_weight():
    a, b = person("xyz", 1), person(("z", "y", "w"), 2)
    pooled = pool_priors([a, b])
    assert pooled.regions.names == ("x", "y", "z", "w")
    edges = dict(zip(zip(*np.triu_indices(4, 1), strict=True), pooled.mean["edges"], strict=True))
    assert edges[0, 1] == a.mean["edges"][0]  # x-y, of the first alone
    assert edges[1, 2] == pytest.approx((a.mean["edges"][2] + b.mean["edges"][0]) / 2)  # y-z
    assert edges[0, 3] == 0  # x-w, of nobody
    assert pooled.mean["activity"][2] == pytest.approx(
        (a.mean["activity"][2] + b.mean["activity"][0]) / 2
    )
    assert pooled.card.n_people == 2


def test_pools_of_pools_are_pools_of_everybody():
    people = [person("abcd", seed) for seed in range(5)]
    whole = pool_priors(people)
    parts = pool_priors([pool_priors(people[:2]), pool_priors(people[2:])])
    stacked = np.array([p.mean["edges"] for p in people])
    assert whole.mean["edges"] == pytest.approx(stacked.mean(axis=0))
    assert whole.sd["edges"] == pytest.approx(stacked.std(axis=0, ddof=1))
    for name in ("edges", "activity"):
        assert parts.mean[name] == pytest.approx(whole.mean[name])
        assert parts.sd[name] == pytest.approx(whole.sd[name])


def test_a_person_counts_once():
    run = "a" * 64
    with pytest.raises(ValueError, match="signature 2 is of a person who is among"):
        pool_priors([person("ab", 1, runs_sha256=(run,)), person("ab", 2, runs_sha256=(run,))])
    with pytest.raises(ValueError, match="Give each person once"):
        pool_priors([person("ab", 1), person("ab", 1)])


def test_features_must_agree():
    a = person("abc", 1)
    b = replace(a, mean={"edges": a.mean["edges"]}, sd={"edges": a.sd["edges"]})
    with pytest.raises(ValueError, match="of the same features"):
        pool_priors([a, b])


def test_a_file_is_read_as_it_was_written(tmp_path):
    prior = person(
        "abc", 3, 4, diagnosis="fibromyalgia", licence="CC0-1.0", atlases=("A",),
        decoders=("ridge",), runs_sha256=("b" * 64,), **TIMES,
    )  # fmt: skip
    write_prior(tmp_path / "p.safetensors", prior)
    read = read_prior(tmp_path / "p.safetensors")
    assert read.card == prior.card
    assert read.regions == prior.regions
    for name in prior.mean:
        assert read.mean[name] == pytest.approx(prior.mean[name], rel=1e-6)
        assert read.sd[name] == pytest.approx(prior.sd[name], rel=1e-6)


def test_a_changed_file_is_refused(tmp_path):
    path = tmp_path / "p.safetensors"
    write_prior(path, person("abc", 3, **TIMES))
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    text, arrays = header["__metadata__"]["description"], load(content)
    changes = {
        "another weight": (
            {**arrays, "edges": arrays["edges"] + 1}, text, "is not what was written",
        ),
        "another card": (arrays, text.replace('"n_people": 1', '"n_people": 9'), "SHA-256 differs"),
        "another format": (arrays, text.replace("painprint prior", "else"), "is not a painprint"),
        "no text": (arrays, "[]", "is no painprint prior"),
    }  # fmt: skip
    for what, (changed, description, match) in changes.items():
        path.write_bytes(save(changed, {"description": description}))
        with pytest.raises(DerivativesError, match=match):
            read_prior(path)
        assert what
    for cut in (0, 7, 40, len(content) - 3):
        path.write_bytes(content[:cut])
        with pytest.raises(DerivativesError, match="is no painprint prior"):
            read_prior(path)


def test_random_changes_of_bytes_are_refused_with_a_sentence(tmp_path):
    path, rng = tmp_path / "p.safetensors", np.random.default_rng(0)
    write_prior(path, person("abc", 3, **TIMES))
    content = path.read_bytes()
    for _ in range(300):
        changed = bytearray(content)
        changed[rng.integers(len(content))] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(changed))
        with pytest.raises(DerivativesError):
            read_prior(path)


def test_the_prior_of_a_signature_has_norm_1_and_its_direction(others):
    signature = read_signature(others[0])
    prior = prior_of_signature(signature)
    assert np.linalg.norm(prior.mean["edges"]) == pytest.approx(1)
    assert np.corrcoef(prior.mean["edges"], signature.pattern)[0, 1] == pytest.approx(1)
    assert len(prior.card.runs_sha256) == 10
    assert prior.labels == ("02",)


def test_pool_writes_what_labs_can_share(others, tmp_path, capsys):
    out = tmp_path / "p.safetensors"
    words = [*map(str, others), "--out", str(out), "--diagnosis", "fibromyalgia"]
    assert main(["pool", *words]) == 0
    said, err = capsys.readouterr()
    assert f"{others[0].name}: not shown to track pain" in said
    assert f"{others[0].name}: this signature was never shown to track pain" in err
    assert "prior of 2 people (simulated), 8 regions, weights of edges" in said
    assert "licence: not given (--licence)" in said
    content = out.read_bytes()
    for label in (b"sub-02", b"sub-03", b"ses-"):
        assert label not in content
    prior = read_prior(out)
    both = pool_priors([read_prior(folder) for folder in others])
    assert prior.mean["edges"] == pytest.approx(both.mean["edges"], abs=1e-6)
    assert main(["pool", *words]) == 1  # never over another file
    assert "exists already" in capsys.readouterr().err


def run(tree, out, *words):
    return main(["run", str(tree.root), str(out), "participant", *WITH_PRIOR, *words])


def test_a_study_with_a_prior(derivatives, others, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(derivatives, out, "--prior", *map(str, others)) == 0
    results = read_results(find_results(out)[0])
    assert results.metrics["selected"]["prior_share"] is not None
    signature = read_signature(next(out.glob("sub-01/decoding/*_signature")))
    theirs = [read_signature(folder).runs_sha256 for folder in others]
    assert set(signature.runs_sha256) > {*theirs[0], *theirs[1]}  # what it was learnt from
    named = [row["name"] for row in results.provenance["prior"]]
    assert named == [folder.name for folder in others]
    page = (out / "sub-01.html").read_text()
    assert "the mean of the signatures of 2 people" in page
    capsys.readouterr()
    # the same command does nothing; another prior is another study
    assert run(derivatives, out, "--prior", *map(str, others)) == 0
    assert "finished before" in capsys.readouterr().err
    assert run(derivatives, out, "--prior", str(others[0])) == 1
    assert "prior" in capsys.readouterr().err
    assert main(["learn", str(out), str(derivatives.root), str(tmp_path / "new")]) == 1
    assert "was decoded with a prior" in capsys.readouterr().err


def test_without_share_a_study_has_the_weights_of_one_without_prior(derivatives, others, tmp_path):
    against = prior_of_signature(read_signature(others[0]))
    own = tmp_path / "own"
    assert run(derivatives, own) == 0
    signature = read_signature(next(own.glob("sub-01/decoding/*_signature")))
    opposite = replace(against, mean={"edges": -prior_of_signature(signature).mean["edges"]})
    write_prior(tmp_path / "p.safetensors", opposite)
    out = tmp_path / "out"
    assert run(derivatives, out, "--prior", str(tmp_path / "p.safetensors")) == 0
    metrics = read_results(find_results(out)[0]).metrics
    assert metrics["selected"]["prior_share"] == 0
    for name in ("weights.tsv", "predictions.tsv", "persession.tsv", "runs.tsv", "roc.tsv"):
        pair = [next((folder / "sub-01" / "decoding").glob(f"*_{name}")) for folder in (own, out)]
        assert pair[0].read_bytes() == pair[1].read_bytes()
    pair = [next(folder.glob("sub-01/decoding/*_signature")) for folder in (own, out)]
    assert len({(folder / "weights.safetensors").read_bytes() for folder in pair}) == 1


def test_the_person_is_no_prior_of_itself(derivatives, decoded, others, tmp_path, capsys):
    own = next(decoded.glob("sub-01/decoding/*_signature"))  # of the same runs
    out = tmp_path / "out"
    assert run(derivatives, out, "--prior", str(others[0]), str(own), "--other-person") == 1
    assert "was learnt from runs of sub-01" in capsys.readouterr().err
    pooled = tmp_path / "p.safetensors"
    assert main(["pool", str(own), str(others[0]), "--out", str(pooled)]) == 0
    assert run(derivatives, out, "--prior", str(pooled)) == 1
    assert "was learnt from runs of sub-01" in capsys.readouterr().err


def test_another_person_of_the_same_label_is_allowed_on_request(
    derivatives, others, tmp_path, capsys
):
    namesake = tmp_path / "namesake"
    shutil.copytree(others[0], namesake)
    path = namesake / "signature.json"
    content = json.loads(path.read_text())
    del content["sha256"]
    content["participant"] = "01"
    write_json(path, {**content, "sha256": content_key(content)})
    assert run(derivatives, tmp_path / "a", "--prior", str(namesake)) == 1
    assert "is the signature of a sub-01, the participant's own label" in capsys.readouterr().err
    assert run(derivatives, tmp_path / "a", "--prior", str(namesake), "--other-person") == 0


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--prior", "nowhere"], "there is no file nowhere (--prior)"),
        (["--other-person"], "--other-person is about the signatures of --prior"),
    ],
)
def test_what_is_given_wrongly_is_named(derivatives, tmp_path, capsys, words, match):
    assert run(derivatives, tmp_path / "out", *words) != 0
    assert match in capsys.readouterr().err


def test_the_dry_run_tells_the_prior(derivatives, others, tmp_path, capsys):
    words = ["--prior", *map(str, others), "--dry-run"]
    assert run(derivatives, tmp_path / "out", *words) == 0
    assert "a prior of 2 people" in capsys.readouterr().out


def test_a_prior_gives_new_runs_a_direction_alone(derivatives, others, tmp_path, capsys):
    pooled = tmp_path / "p.safetensors"
    assert main(["pool", *map(str, others), "--out", str(pooled)]) == 0
    runs = sorted((derivatives.derivatives / "sub-01").rglob("*_timeseries.tsv"))[:2]
    capsys.readouterr()
    assert main(["predict", str(pooled), *map(str, runs)]) == 0
    said = capsys.readouterr()
    assert "It is no pain score" in said.err
    table = pd.read_csv(pd.io.common.StringIO(said.out), sep="\t")
    assert list(table) == ["file", "minute", "onset", "n_frames", "direction", "z"]
    for _, of_run in table.groupby("file"):
        assert of_run["z"].mean() == pytest.approx(0, abs=1e-9)
        assert of_run["z"].std() == pytest.approx(1)
        unclear = of_run["z"].abs() < 0.5
        wanted = np.where(unclear, "unclear", np.where(of_run["z"] > 0, "up", "down"))
        assert of_run["direction"].tolist() == wanted.tolist()
    assert main(["predict", str(pooled), str(runs[0]), "--out", str(tmp_path / "r")]) == 2
    assert "A prior gives a direction alone" in capsys.readouterr().err


def test_a_run_of_the_prior_gets_no_direction(others, tmp_path, capsys):
    pooled = tmp_path / "p.safetensors"
    assert main(["pool", *map(str, others), "--out", str(pooled)]) == 0
    root = Path(others[0]).parents[3] / "bids"
    own = next(root.rglob("*_timeseries.tsv"))
    assert main(["predict", str(pooled), str(own)]) == 1
    assert "is among the runs that the prior was learnt from" in capsys.readouterr().err
