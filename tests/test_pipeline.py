"""The study as a user runs it: commands, outputs, exit codes, messages."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from conftest import FEW, QUICK, SEED, Tree, check_outputs, fill, simulate_runs, write_json
from nibabel.cifti2 import BrainModelAxis, SeriesAxis

from painprint import Run, Settings
from painprint.cli import main
from painprint.decode.errors import NotEnoughData
from painprint.evidence.stages import STAGES
from painprint.results.all_columns import COLUMNS
from painprint.results.group import settings_used
from painprint.results.provenance import command_line
from painprint.results.read import find_results, read_results
from painprint.store.files import hash_file

STEM = "sub-01_task-rating_atlas-A"


def run(tree, out, *words):
    return main(["run", str(tree.root), str(out), "participant", *QUICK, *words])


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def outputs(out):
    """Every file but the logs, with its content."""
    return {
        str(p.relative_to(out)): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.is_file() and "logs" not in p.parts
    }


def test_a_study_writes_exactly_the_files_it_promises(decoded):
    tables = ("dseg", "persession", "predictions", "quality", "roc", "runs", "weights")
    expected = {"dataset_description.json", "sub-01.html"}
    expected |= {f"sub-01/decoding/{STEM}_{t}.{e}" for t in tables for e in ("tsv", "json")}
    expected |= {
        f"sub-01/decoding/{STEM}_{name}.json" for name in ("metrics", "audit", "provenance")
    }
    expected |= {
        f"sub-01/decoding/{STEM}_signature/{name}"
        for name in ("signature.json", "weights.safetensors")
    }
    with_page = "references.bib checklist.tsv checklist.json modelcard.md modelcard.json"
    expected |= {f"sub-01/decoding/{STEM}_{name}" for name in with_page.split()}
    expected |= {f"sub-01/func/{STEM}_ratingquality.{e}" for e in ("tsv", "json")}
    figures = "calibrationheldout months overview roc scatter1min scattersession sessions timeline"
    expected |= {f"sub-01/figures/{STEM}_{name}.svg" for name in figures.split()}
    assert set(outputs(decoded)) == expected


def study(tree, out, *words):
    """With every stage, in seconds."""
    return main(["run", str(tree.root), str(out), "participant", *FEW, *words])


STAGE_TABLES = (
    "null confounds covariates confoundertests sensitivity learningcurve learningcurvedraws "
    "prospective calibration failures failurebins failuremeasures importance networkimportance "
    "networkweights structure rest baselines univariate external qcfc"
).split()
STAGE_FIGURES = (
    "nullwithin nullbetween confounds sensitivity curve curveshare future calibration ahead "
    "importance strength structure networkweights rest "
    "baselinescentredr baselinesskill univariate external"
).split()


def add_rest_and_weights(tree, folder, rng):
    """Resting runs beside the rated ones, and a signature from elsewhere; options that read it."""
    for session in range(1, 6):
        still = Run(
            rng.normal(size=(200, 8)),
            np.zeros(200),
            1.0,
            f"{session:02d}",
            "rest",
            censored=[0] * 200,
        )
        tree.add_run(still, rating="stim")
    for rating in tree.root.rglob("*task-rest*stim.tsv"):
        rating.unlink()
    path = folder / "elsewhere.tsv"
    path.write_text("region_a\tregion_b\tweight\n1\t2\t0.5\n3\t4\t-0.1\n")
    return ("--external", str(path))


@pytest.fixture
def rest_and_weights(derivatives, tmp_path):
    return add_rest_and_weights(derivatives, tmp_path, np.random.default_rng(3))


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """Results of the small dataset with every stage; not to be changed."""
    root = tmp_path_factory.mktemp("answered")
    tree = fill(Tree(root / "bids"), simulate_runs(np.random.default_rng(SEED)))
    words = add_rest_and_weights(tree, root, np.random.default_rng(3))
    assert study(tree, root / "out", *words) == 0
    return root / "out"


def test_counts_on_the_page_are_whole_numbers(answered):
    page = (answered / "sub-01.html").read_text()
    assert re.search(r"\b\d+ (1-min )?(minutes|bins|sessions)\b", page)
    assert not re.search(r"\b\d+\.0 (1-min )?(minutes|bins|sessions|runs|regions)\b", page)


def test_every_stage_has_its_tables_and_figures(answered, decoded):
    expected = {f"sub-01/decoding/{STEM}_{t}.{e}" for t in STAGE_TABLES for e in ("tsv", "json")}
    expected |= {f"sub-01/figures/{STEM}_{name}.svg" for name in STAGE_FIGURES}
    assert set(outputs(answered)) - set(outputs(decoded)) == expected
    for table in STAGE_TABLES:
        path = answered / f"sub-01/decoding/{STEM}_{table}"
        columns = list(pd.read_csv(f"{path}.tsv", sep="\t").columns)
        assert columns == list(COLUMNS[table])
        assert set(columns) < set(json.loads(Path(f"{path}.json").read_text()))


def test_the_files_of_a_full_study_are_those_of_the_page(answered):
    check_outputs(answered, "A study", STEM)


def test_every_stage_has_its_numbers(answered):
    """As planted: one edge follows the rating; neither activity nor a confound does."""
    metrics = json.loads((answered / f"sub-01/decoding/{STEM}_metrics.json").read_text())
    assert metrics["scales"]["1min"]["p_within"] == pytest.approx(1 / 20)
    assert metrics["scales"]["session"]["p_within"] is None
    stages = metrics["stages"]
    assert stages["null"]["n_permutations"] == 19
    confounds = [one for one in stages["confounds"].values() if isinstance(one, dict)]
    assert len(confounds) == 6 and not any(one["flagged"] for one in confounds)
    assert min(one["centred_r_removed"] for one in confounds) > 0.3
    assert stages["curve"]["n_draws"] == 2
    assert stages["prospective"]["next"]["1min"]["centred_r"] > 0.5
    assert stages["rest"]["unseen"]["n"] == 5
    methods = stages["baselines"]["methods"]
    assert stages["baselines"]["n_methods"] == len(methods) == 9
    assert methods["training mean"]["skill"] == 0
    assert methods["region activity"]["d_centred_r"][1] > 0
    assert stages["univariate"]["n_significant"] == 0
    elsewhere = stages["external"]["signatures"]["elsewhere"]
    assert elsewhere["n_matched"] == 2 and elsewhere["centred_r"][0] > 0.5
    assert (stages["qcfc"]["n_runs"], stages["qcfc"]["n_edges"]) == (10, 28)
    weights = pd.read_csv(answered / f"sub-01/decoding/{STEM}_weights.tsv", sep="\t")
    strongest = weights.loc[weights["weight"].abs().idxmax()]
    assert {str(strongest["region_a"]), str(strongest["region_b"])} == {"1", "2"}


def test_every_stage_has_its_paragraph(answered):
    page = (answered / "sub-01.html").read_text()
    for words in (
        "19 permutations",
        "None of the",
        "of the main analysis is",
        "2 random draws for each held-out session",
        "Abbreviations of networks: DMN, default mode network; VIS, visual network.",
        "predicted by a model trained on all sessions before it",
        "No p between sessions: 5 means have too few orders",
        "sessions have no numeric column",
        "the edges with at least one end in",
        "In 5 sessions, the resting run was scored by the model that was not trained on",
        "9 comparison models",
        "are significant at a false discovery rate of 5%",
        "The weights of these signatures were fixed in advance",
        "Across 10 runs, the strength of an edge",
    ):
        assert words in page, words
    assert "Not run" not in page


def test_dense_bold_beside_the_regions_gets_a_map(derivatives, participant, rng, out):
    """Five points: the first follows the rating, the last has no signal."""
    models = BrainModelAxis.from_surface(np.arange(5), 8, name="CortexLeft")
    for run_ in participant:
        data = rng.normal(size=(len(run_.rating), 5)).astype(np.float32)
        data[6:, 0] += 20 * run_.rating[:-6]
        data[:, 4] = 0
        name = f"sub-01_ses-{run_.session}_task-rating_run-{run_.run}_space-fsLR_den-91k"
        folder = derivatives.derivatives / "sub-01" / f"ses-{run_.session}" / "func"
        image = nib.Cifti2Image(data, (SeriesAxis(0, 1, len(data)), models))
        nib.save(image, folder / f"{name}_desc-denoised_bold.dtseries.nii")
    skipped = [stage for stage in STAGES if stage != "univariate"]
    words = ["--n-bootstraps", "100", "--skip", *skipped]
    assert main(["run", str(derivatives.root), str(out), "participant", *words]) == 0
    image = nib.load(out / f"sub-01/decoding/{STEM}_univariate.dscalar.nii")
    assert list(image.header.get_axis(0).name) == ["effect", "t", "p", "q"]
    q = image.get_fdata()[3]
    assert q[0] < 0.05 and np.isnan(q[4])
    metrics = json.loads((out / f"sub-01/decoding/{STEM}_metrics.json").read_text())
    assert metrics["stages"]["univariate"]["dense"]["n_points"] == 5
    assert "Of 5 grayordinates" in (out / "sub-01.html").read_text()
    assert run(derivatives, out, "--overwrite") == 0  # without the stage, its map goes
    assert not (out / f"sub-01/decoding/{STEM}_univariate.dscalar.nii").exists()


def test_an_external_signature_that_cannot_be_read_stops_before_anything_takes_time(
    derivatives, out, tmp_path, capsys
):
    path = tmp_path / "weights.tsv"
    path.write_text("place\tweight\n1\t2\n")
    assert run(derivatives, out, "--external", str(path)) == 1
    said = capsys.readouterr().err
    assert "weights.tsv" in said and "done in" not in said


def test_skipped_stages_are_said_and_leave_nothing_of_an_earlier_run(
    derivatives, rest_and_weights, answered, out
):
    shutil.copytree(answered, out)
    (out / "sub-01.html").unlink()
    slow = ("baselines", "importance", "sensitivity")
    skipped = ("null", "curve", *slow)
    assert study(derivatives, out, *rest_and_weights, "--overwrite", "--skip", *skipped) == 0
    names = " ".join(outputs(out))
    assert "learningcurve" not in names and "_null" not in names and "curveshare" not in names
    assert "_confounds.tsv" in names and "_future.svg" in names
    metrics = json.loads((out / f"sub-01/decoding/{STEM}_metrics.json").read_text())
    assert metrics["stages"]["null"] is None and metrics["scales"]["1min"]["p_within"] is None
    page = (out / "sub-01.html").read_text()
    assert page.count("(<code>--skip ") == len(skipped)
    assert "was not compared with that of permuted ratings" in page


def test_what_three_sessions_do_not_allow_is_said_and_the_rest_delivered(tree, rng, out):
    for run_ in simulate_runs(rng, n_sessions=3, n_runs=1):
        tree.add_run(run_)
    assert study(tree, out) == 0
    page = (out / "sub-01.html").read_text()
    for words in (
        "No p between sessions: 3 means",
        "first run only: every session has one",
        "buffer of 1 session on either side: 7 sessions are needed",
        "fewer than 3 blocks",
        "networks are unknown",
        "No models of one session",
        "No model of past sessions: 3 sessions for training and one for testing are needed",
        "framewise displacement",
        "no resting runs were found",
        "No univariate map: 4 sessions are needed, and 3 can be used.",
        "No external signature was given (--external).",
        "3 sessions are too few for intervals of the differences",
    ):
        assert words in page, words
    written = {t for t in STAGE_TABLES if (out / f"sub-01/decoding/{STEM}_{t}.tsv").exists()}
    expected = (
        "null confounds covariates confoundertests sensitivity failures failurebins failuremeasures"
    )
    assert written == {*expected.split(), "importance", "structure", "baselines"}


def test_a_constant_session_and_covariates_are_no_obstacle(tree, rng, out):
    for run_ in simulate_runs(rng, n_sessions=6):
        flat = np.full(360, 0.4) if run_.session == "02" else run_.rating
        tree.add_run(type(run_)(run_.signals, flat, 1.0, run_.session, "rating", run_.run))
    lines = [f"ses-{s:02d}\t{5 * (s % 3)}\n" for s in range(1, 7)]
    (tree.root / "sub-01/sub-01_sessions.tsv").write_text("session_id\tmg\n" + "".join(lines))
    assert study(tree, out) == 0
    table = pd.read_csv(out / f"sub-01/decoding/{STEM}_confounds.tsv", sep="\t")
    assert "mg" in set(table["confound"])
    page = (out / "sub-01.html").read_text()
    assert "framewise displacement: it never varies" in page


def test_a_stage_that_is_not_possible_does_not_stop_the_others(derivatives, out, monkeypatch):
    def refuse(case, on_step=None):
        raise NotEnoughData("the moon is wrong.")

    monkeypatch.setitem(STAGES, "confounds", replace(STAGES["confounds"], compute=refuse))
    others = [stage for stage in STAGES if stage not in ("null", "confounds", "prospective")]
    assert study(derivatives, out, "--skip", *others) == 0
    page = (out / "sub-01.html").read_text()
    assert "Not possible with these data: the moon is wrong." in page
    assert "was not compared with that of permuted ratings" not in page
    assert (out / f"sub-01/decoding/{STEM}_prospective.tsv").exists()


def test_leaving_out_runs_asks_the_same_questions_of_runs(derivatives, out):
    """And declares that other runs of the same session were in training."""
    slow = ("baselines", "importance", "sensitivity", "univariate", "external")
    assert study(derivatives, out, "--leave-out", "run", "--skip", *slow) == 0
    page = (out / "sub-01.html").read_text()
    assert "although other runs of the same sessions were in training" in page
    assert "other runs of the same session were in training" in page
    assert "p within" in page and "random draws for each held-out run" in page


def test_metrics_hold_the_documented_keys(decoded):
    metrics = json.loads((decoded / f"sub-01/decoding/{STEM}_metrics.json").read_text())
    assert {"preset", "n_sessions", "n_runs", "n_regions", "selected", "scales"} <= set(metrics)
    assert set(metrics["scales"]) == {"1min", "2min", "run", "session"}
    assert set(metrics["scales"]["1min"]) == set(
        "n r r_ci r_p r2 skill skill_ci centred_r centred_r_ci mae auc auc_ci auc_p slope slope_ci "
        "intercept intercept_ci null_median p_within p_between".split()
    )
    assert metrics["decoder"] == "ridge" and metrics["train_bins"] == "30s"
    assert len(metrics["selected"]["folds"]) == metrics["n_groups"]
    assert metrics["selected"]["alpha"] in np.geomspace(1e-2, 1e3, 16)
    assert set(metrics["within_run"]) == {"n", "r", "r_ci", "r_p"}
    assert metrics["simulated"] is True and metrics["n_sessions"] == 5


def test_the_same_study_gives_the_same_bytes_on_any_number_of_workers(derivatives, decoded, out):
    assert run(derivatives, out, "--n-jobs", "2") == 0
    assert outputs(out) == outputs(decoded)


def test_nothing_written_holds_a_path_or_a_date(derivatives, out, tmp_path):
    path = derivatives.root / "sub-01" / "sub-01_sessions.tsv"
    days = [f"ses-0{i}\t2019-07-{i:02d}T10:00:00\n" for i in range(1, 6)]
    path.write_text("session_id\tacq_time\n" + "".join(days))
    run(derivatives, out)
    for name, content in outputs(out).items():
        assert str(tmp_path).encode() not in content, name
        assert not re.search(rb"\b20[12]\d-\d\d-\d\d", content), name
    audit = json.loads((out / f"sub-01/decoding/{STEM}_audit.json").read_text())
    assert [s["days"] for s in audit["sessions"]] == [0, 1, 2, 3, 4]


def test_the_audit_accounts_for_every_frame_and_every_parameter(decoded):
    audit = json.loads((decoded / f"sub-01/decoding/{STEM}_audit.json").read_text())
    for row in audit["runs"]:
        parts = "n_start n_beyond_end n_without_rating n_censored n_without_signal n_kept".split()
        assert row["n_frames"] == sum(row[p] for p in parts) == 360
        assert row["n_kept"] == row["n_in_training_bins"] + row["n_in_no_training_bin"]
    for fold in audit["folds"]:
        for groups in fold["touched_by"].values():
            assert fold["held_out"] not in groups and len(groups) == 4
    assert len(audit["exceptions"]) == 1


def test_the_audit_of_the_paper_preset_declares_its_leak(derivatives, out):
    run(derivatives, out, "--preset", "paper")
    audit = json.loads((out / f"sub-01/decoding/{STEM}_audit.json").read_text())
    assert any("penalty grid" in text for text in audit["exceptions"])
    assert "01" in audit["folds"][0]["touched_by"]["penalty_grid"]
    page = (out / "sub-01.html").read_text()
    assert "penalty grid (paper preset)" in page


def test_tables_agree_with_each_other(decoded):
    read = {
        name: pd.read_csv(
            decoded / f"sub-01/decoding/{STEM}_{name}.tsv", sep="\t", na_values=["n/a"]
        )
        for name in ("predictions", "runs", "weights", "persession")
    }
    minutes = read["predictions"].query("scale == '1min'")
    assert minutes["n_frames"].sum() == read["runs"]["n_kept"].sum()
    assert (minutes["duration"] > 0).all() and (minutes["onset"] >= 30).all()
    assert len(read["weights"]) == 28
    assert set(read["weights"]["network_b"]) == {"DMN", "VIS"}
    r = read["persession"]["r"].mean()
    metrics = json.loads((decoded / f"sub-01/decoding/{STEM}_metrics.json").read_text())
    assert metrics["within_session"]["r"] == pytest.approx(r)


def test_the_command_in_provenance_repeats_the_study(derivatives, out, tmp_path):
    words = [
        "--exclude-network",
        "VIS",
        "--lag",
        "6",
        "4",
        "--leave-out",
        "run",
        "--random-seed",
        "3",
    ]
    run(derivatives, out, *words)
    found = json.loads((out / f"sub-01/decoding/{STEM}_provenance.json").read_text())
    again = found["command"].replace("<bids>", str(derivatives.root))
    again = again.replace("<out>", str(tmp_path / "again"))
    again = again.replace("<derivatives>", str(derivatives.derivatives))
    assert main(again.split()[1:]) == 0
    assert outputs(tmp_path / "again") == outputs(out)


def test_pages_can_be_made_again_from_the_files(derivatives, copy_of_decoded):
    out = copy_of_decoded
    before = outputs(out)
    (out / "sub-01.html").unlink()
    assert main(["report", str(out)]) == 0
    assert outputs(out) == before
    assert run(derivatives, out, "--reports-only") == 0
    assert outputs(out) == before


def test_results_of_the_version_before_have_pages_and_settings(copy_of_decoded, capsys):
    """Of the version that called the quality rating of a run a light."""
    page = (copy_of_decoded / "sub-01.html").read_bytes()
    (files,) = find_results(copy_of_decoded)
    quality, path = files.decoding("quality", ".tsv"), files.decoding("provenance", ".json")
    quality.write_text(quality.read_text().replace("quality_rating", "light"))
    provenance = json.loads(path.read_text())
    name = quality.relative_to(files.folder).as_posix()
    provenance["outputs"][name] = hash_file(quality)
    limits = provenance["settings"].pop("quality_tsnr")
    for later in ("sha256", "depends_on", "unused_inputs", "pages"):
        del provenance[later]
    del provenance["outputs"][f"decoding/{STEM}_metrics.json"]
    write_json(path, provenance | {"settings": provenance["settings"] | {"light_tsnr": limits}})
    assert main(["report", str(copy_of_decoded)]) == 0
    said = capsys.readouterr().err
    assert f"{quality}: the column light is now called quality_rating." in said
    assert f"{path}: of an earlier version, without a hash" in said
    assert b"<strong>Not verified:</strong>" in (copy_of_decoded / "sub-01.html").read_bytes()
    assert settings_used(read_results(files)).quality_tsnr == (30.0, 15.0)
    again = (copy_of_decoded / "sub-01.html").read_bytes()
    assert again.count(b'class="light') == page.count(b'class="light')


def test_a_page_without_results_is_an_error_that_says_what_to_do(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 1
    assert "Run `painprint run` first" in capsys.readouterr().err


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(derivatives, out, capsys):
    next(derivatives.root.rglob("*ses-02*run-1*physio.tsv.gz")).unlink()
    assert run(derivatives, out, "--dry-run", "--exclude-network", "VIS") == 0
    said = capsys.readouterr().out
    assert "use      ses-01 task-rating run-1" in said
    assert "exclude  ses-02 task-rating run-1: no rating was found" in said
    assert "5 sessions, 9 runs, 6 regions" in said
    assert "GB of memory" in said
    assert not out.exists()


def test_a_dry_run_tells_what_is_missing_and_what_cannot_be_concluded(derivatives, out, capsys):
    next(derivatives.root.rglob("*ses-02*run-1*motion.tsv")).unlink()
    for table in derivatives.root.rglob("*dseg.tsv"):
        table.unlink()
    assert run(derivatives, out, "--dry-run", "--session-label", "01", "02", "03", "ses-04") == 0
    said = capsys.readouterr().out
    assert "  exclude  05: not in --session-label\n" in said
    assert "note: no motion file of 1 run (first: ses-02 task-rating run-1)" in said
    assert "note: no atlas dseg.tsv was found" in said
    assert "4 sessions give no conclusion; 8 are needed." in said
    assert re.search(
        r"of \d+ frames, excluded: \d+ at the start \(--drop\), \d+ without BOLD after", said
    )
    assert " 0 " not in said and "in addition" not in said


def test_a_dry_run_of_too_little_says_that_it_cannot_be_decoded(derivatives, out, capsys):
    assert run(derivatives, out, "--dry-run", "--session-label", "01", "02") == 1
    assert "cannot be decoded: 2 usable sessions" in capsys.readouterr().out


def test_a_broken_run_is_named_everywhere_and_the_study_goes_on(derivatives, out, capsys):
    path = next(derivatives.root.rglob("*ses-04*run-2*timeseries.tsv"))
    path.write_text("")
    assert run(derivatives, out) == 0
    reason = "timeseries.tsv: is empty."
    assert reason in capsys.readouterr().err
    assert reason in (out / "sub-01.html").read_text()
    audit = json.loads((out / f"sub-01/decoding/{STEM}_audit.json").read_text())
    ((left_out),) = audit["runs_left_out"]
    assert (left_out["session"], left_out["run"]) == ("04", "2")
    assert reason in left_out["reason"]


def test_one_participant_that_fails_does_not_stop_the_others(derivatives, out, rng, capsys):
    for r in simulate_runs(rng, n_sessions=2, n_runs=1):
        derivatives.add_run(r, sub="02")
    assert run(derivatives, out) == 1
    assert (out / "sub-01.html").exists() and not (out / "sub-02.html").exists()
    said = capsys.readouterr().err
    assert "sub-02: 2 usable sessions" in said and "1 of 2 participants failed" in said


def test_what_cannot_be_found_ends_with_a_remedy_and_no_traceback(derivatives, out, capsys):
    assert run(derivatives, out, "--participant-label", "99") == 1
    assert "no participant 99" in capsys.readouterr().err
    assert run(derivatives, out, "--derivatives", "/nonexistent") == 1
    said = capsys.readouterr().err
    assert said.count("no folder of derivatives /nonexistent") == said.count("\n") == 1


def test_an_output_folder_that_cannot_be_made_is_named(derivatives, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert run(derivatives, tmp_path / "file" / "out") == 1
    assert "cannot write to" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--preset", "fast"],
        ["--no-such-flag"],
        ["--leave-out", "frame"],
    ],
)
def test_wrong_usage_exits_with_2(derivatives, out, words, capsys):
    assert main(["run", str(derivatives.root), str(out), "participant", *words]) == 2
    assert words[0].strip("-").split("-")[-1] in capsys.readouterr().err


def test_a_setting_that_makes_no_sense_exits_with_2(derivatives, out, capsys):
    assert run(derivatives, out, "--random-seed", "-1") == 2
    assert "--random-seed is -1" in capsys.readouterr().err


def test_options_come_from_a_file_and_the_command_line_wins(derivatives, out, tmp_path):
    config = tmp_path / "study.toml"
    config.write_text('preset = "paper"\nexclude-network = ["VIS"]\nrandom-seed = 5\n')
    assert run(derivatives, out, "--config-file", str(config), "--random-seed", "6") == 0
    found = json.loads((out / f"sub-01/decoding/{STEM}_provenance.json").read_text())["settings"]
    assert found["preset"]["value"] == "paper"
    assert found["exclude_network"]["value"] == ["VIS"]
    assert found["random_seed"]["value"] == 6


def test_a_config_file_that_is_not_there_is_wrong_usage(derivatives, out, capsys):
    assert run(derivatives, out, "--config-file", "/nonexistent.toml") == 2
    assert "nonexistent.toml" in capsys.readouterr().err


def test_a_dataset_without_atlas_table_or_labels_is_decoded(tree, out, rng):
    for r in simulate_runs(rng, n_sessions=4, n_runs=1):
        object.__setattr__(r, "run", "")
        tree.add_run(r, rating="resp")
    write_json(tree.root / "dataset_description.json", {"Name": "Pain at home"})
    assert run(tree, out) == 0
    page = (out / "sub-01.html").read_text()
    assert "Simulated data" not in page
    assert "no atlas dseg.tsv was found" in page
    predictions = pd.read_csv(out / f"sub-01/decoding/{STEM}_predictions.tsv", sep="\t")
    assert predictions["run"].isna().all()


def test_help_is_quick_because_it_imports_little():
    code = (
        "import sys; from painprint.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = set('numpy pandas scipy sklearn matplotlib nibabel numba joblib'.split())\n"
        "heavy &= set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy: []\n")


def test_a_command_line_names_only_what_was_chosen():
    settings = Settings(participant_label=("01",), lag_s=(4.0, 6.0), exclude_network=("VIS",))
    assert command_line(settings) == (
        "painprint run <bids> <out> participant --derivatives <derivatives> "
        "--participant-label 01 --exclude-network VIS --lag 4.0 6.0"
    )


def test_public_names_can_be_imported_and_others_say_so():
    import painprint

    for name in painprint.__all__:
        assert getattr(painprint, name) is not None
    assert dir(painprint) == painprint.__all__
    with pytest.raises(AttributeError, match="no attribute 'pain'"):
        _ = painprint.pain


def test_two_participants_have_their_own_pages(derivatives, out, rng):
    for r in simulate_runs(np.random.default_rng(1), n_sessions=3, n_runs=1):
        derivatives.add_run(r, sub="02")
    assert run(derivatives, out) == 0
    assert (out / "sub-01.html").exists() and (out / "sub-02.html").exists()


def test_what_is_unusual_is_said_in_terminal_page_and_audit(derivatives, out, capsys):
    path = next(derivatives.root.rglob("*ses-03*run-1*physio.tsv.gz"))
    path.write_bytes(gzip.compress(b"0.5\n" * 200))
    other = next(derivatives.root.rglob("*ses-02*run-1*physio.tsv.gz"))
    _, _, rest = gzip.decompress(other.read_bytes()).partition(b"\n")
    other.write_bytes(gzip.compress(b"7\n" + rest))  # before the frames that are used
    assert run(derivatives, out, "--rating-range", "-5", "5") == 0
    said = capsys.readouterr().err
    audit = (out / f"sub-01/decoding/{STEM}_audit.json").read_text()
    page = (out / "sub-01.html").read_text()
    for sentence in ("the rating never changes", "of the scan is rated", "outside the possible"):
        for where in (said, audit, page):
            assert sentence in where
    assert "require the possible range" not in page


def test_another_decoding_in_the_same_folder_is_refused(
    derivatives, copy_of_decoded, participant, capsys
):
    out = copy_of_decoded
    for r in participant:
        derivatives.add_run(r, atlas="atlas-B")
    before = outputs(out)
    assert run(derivatives, out, "--atlas", "B") == 1
    assert "Choose another output folder" in capsys.readouterr().err
    assert outputs(out) == before


@pytest.mark.parametrize("name", ["roc.tsv", "metrics.json", "audit.json"])
@pytest.mark.parametrize("content", ["", "{}"])
def test_a_damaged_result_is_named_when_pages_are_made(copy_of_decoded, capsys, name, content):
    out = copy_of_decoded
    (out / f"sub-01/decoding/{STEM}_{name}").write_text(content)
    assert main(["report", str(out)]) == 1
    assert STEM in capsys.readouterr().err


def test_a_dataset_without_participants_is_an_error(tmp_path, capsys):
    (tmp_path / "bids/derivatives/xcp_d").mkdir(parents=True)
    assert main(["run", str(tmp_path / "bids"), str(tmp_path / "out"), "participant"]) == 1
    assert "no participant (a folder sub-*)" in capsys.readouterr().err


def test_zero_workers_is_wrong_usage(derivatives, out, capsys):
    assert run(derivatives, out, "--n-jobs", "0") == 2
    assert "--n-jobs is 0" in capsys.readouterr().err


def test_a_broken_atlas_table_matters_only_where_networks_are_excluded(derivatives, out, capsys):
    next(derivatives.root.rglob("*_dseg.tsv")).write_text("index\n1\n")
    assert run(derivatives, out) == 0
    assert "not used: atlas-A_dseg.tsv" in capsys.readouterr().err
    assert run(derivatives, out, "--overwrite", "--exclude-network", "VIS") == 1
    assert "no column 'label'" in capsys.readouterr().err


def test_all_excluded_runs_are_listed_by_reason(derivatives, out, capsys):
    for path in derivatives.derivatives.rglob("*timeseries.tsv"):
        path.write_text("")
    assert run(derivatives, out) == 1
    said = capsys.readouterr().err
    assert said.count("excluded all 10 runs, such as: sub-01_ses-01_task-rating_run-1") == 1
    assert said.count("is empty") == 1
