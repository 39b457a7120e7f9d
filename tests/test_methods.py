"""The Methods paragraph reports what a study did: every sentence is compared with the results."""

import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import FEW, SEED, Tree, fill, simulate_runs

from painprint.cli import main
from painprint.decode.ridge import ALPHAS
from painprint.evidence.stages import STAGES
from painprint.report.methods_text import methods_paragraph
from painprint.report.parcellation_methods import methods_paragraph as parcellation_methods
from painprint.results.read import find_results, read_results
from painprint.settings import Settings
from painprint.wording import rounded
from painprint.works import WORKS, CitedText


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Results of a study with every stage that simulated runs of 9 sessions allow."""
    root = tmp_path_factory.mktemp("methods")
    rng = np.random.default_rng(SEED)
    tree = fill(Tree(root / "bids"), simulate_runs(rng, n_sessions=9, n_frames=200))
    assert main(["run", str(tree.root), str(root / "out"), "participant", *FEW]) == 0
    return read_results(find_results(root / "out")[0])


def changed(results, *, settings=None, metrics=None, audit=None):
    """The results with other settings, metrics or audit; the rest is as it was."""
    rows = {name: row | {"value": (settings or {}).get(name, row["value"])}
            for name, row in results.provenance["settings"].items()}  # fmt: skip
    return replace(
        results,
        provenance=results.provenance | {"settings": rows},
        metrics=results.metrics | (metrics or {}),
        audit=results.audit | (audit or {}),
    )


def without(results, stage):
    """The results of the same study with --skip STAGE."""
    tables = {n: t for n, t in results.stage_tables.items() if n not in STAGES[stage].tables}
    skipped = results.metrics["stages"] | {stage: None}
    return replace(changed(results, metrics={"stages": skipped}), stage_tables=tables)


def of_events(results):
    scales = results.metrics["scales"]
    scales = {"event": scales["1min"], "run": scales["run"], "session": scales["session"]}
    found = changed(results, metrics={"scales": scales}, settings={"rating_window": [0.0, 8.0]})
    return without(found, "null")


DENSE = {
    "kind": "grayordinates", "atlas": "A.dlabel.nii", "nuisance_regressors": "36P",
    "high_pass_hz": 0.005, "low_pass_hz": 0.0, "fd_thresh_mm": 0.3, "motion_low_pass_hz": 0.1,
    "smoothing_sigma_mm": 2.0, "min_coverage": 0.5,
}  # fmt: skip
MADE = "individual parcellation: made from resting scans of 6 sessions, 4 of them among the 9"
SETTINGS = {
    "as it is": lambda r: r,
    **{f"without {stage}": lambda r, stage=stage: without(r, stage) for stage in STAGES},
    "few sessions": lambda r: changed(r, metrics={"n_groups": 5}),
    "runs excluded": lambda r: changed(
        r, audit={"runs_left_out": [{"session": "1", "reason": "x"}] * 3}
    ),
    "regions excluded": lambda r: changed(
        r, audit={"regions_left_out": {"a": "absent in x", "b": "excluded by name or network"}},
        settings={"exclude_network": ["VIS", "DMN"]},
    ),
    "dense": lambda r: changed(r, audit={"dense": DENSE}),
    "dense, nothing removed": lambda r: changed(
        r, audit={"dense": DENSE | {"nuisance_regressors": "none", "high_pass_hz": 0.0,
                                    "fd_thresh_mm": 0.0, "smoothing_sigma_mm": 0.0}},
    ),
    "individual atlas": lambda r: changed(r, audit={"exceptions": [MADE]}),
    "events": of_events,
    "run-wise folds": lambda r: changed(r, metrics={"leave_out": "run"}),
    "nothing dropped": lambda r: replace(
        changed(r, settings={"drop_s": 0.0}), runs=r.runs.assign(n_censored=0)
    ),
    "several lags": lambda r: changed(r, settings={"lag_s": [4.0, 6.0]}),
    "no variation within sessions": lambda r: changed(
        r, metrics={"scales": r.metrics["scales"] | {
            "1min": r.metrics["scales"]["1min"] | {"centred_r": None, "centred_r_ci": [None, None],
                                                   "p_within": None}}},
    ),
}  # fmt: skip
"""Settings of a study, each with a change of the results that it makes."""


def numbers(results, stage):
    return results.metrics["stages"][stage]


def variants(results):
    return results.stage_tables["sensitivity"]["variant"].drop_duplicates().tolist()[1:]


def span(values):
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


SENTENCES = [
    (r"Simulated data of (\d+) runs in (\d+) sessions of one participant were analysed with "
     r"painprint (\S+) \((\w+) preset\)",
     lambda r: (r.metrics["n_runs"], r.metrics["n_sessions"], r.provenance["versions"]["painprint"],
                r.metrics["preset"])),
    (r"Of (\d+) runs, (\d+) were excluded",
     lambda r: (3 + r.metrics["n_runs"], len(r.audit["runs_left_out"]))),
    (r"Signals of (\d+) regions of the atlas (\w) were used"
     r"(?:, after excluding the networks (.+) and (\d) region without signal in some run)?\.",
     lambda r: (r.metrics["n_regions"], "A", *(
         (" and ".join(r.settings["exclude_network"]), len(r.audit["regions_left_out"]) - 1)
         if r.audit["regions_left_out"] else (None, None)))),
    (r"The regions are those of an individual parcellation, (.*)\.",
     lambda r: (r.audit["exceptions"][0].partition(": ")[2],)),
    (r"The first (\S+) s of each run were excluded", lambda r: (f"{r.settings['drop_s']:g}",)),
    (r"Ratings, interpolated at mid-frame, were paired with the BOLD signal (\S+) s "
     r"\((\d) frames\) later\.",
     lambda r: (f"{r.settings['lag_s'][0]:g}", r.runs["lag_frames"].iloc[0])),
    (r"Ratings, interpolated at mid-frame, were paired with the BOLD signal (\S+), (\S+) s later "
     r"\(chosen", lambda r: tuple(f"{lag:g}" for lag in r.settings["lag_s"])),
    (r"Ratings of events, each the rating of the frames from (\S+) to (\S+) s after the onset",
     lambda r: tuple(f"{end:g}" for end in r.settings["rating_window"])),
    (r"Frames flagged as outliers were removed\.", lambda r: ()),
    (r"Censored frames were removed\.", lambda r: ()),
    (r"Of ([\d,]+) frames, ([\d,]+) \((\d+)%\) were used",
     lambda r: (f"{r.runs['n_frames'].sum():,}", f"{r.runs['n_kept'].sum():,}",
                f"{100 * r.runs['n_kept'].sum() / r.runs['n_frames'].sum():.0f}")),
    (r"Each region was z-scored within run, and the products of all region pairs", lambda r: ()),
    (r"(\d+) time bins of about (\d+) s were used for training \(1-min",
     lambda r: (r.runs["n_training_bins"].sum(), 30)),
    (r"The (\d+) events with usable frames", lambda r: (r.runs["n_training_bins"].sum(),)),
    (r"Ridge regression \[@hoerl1970\] was trained by nested leave-one-(\w+)-out .* selected from "
     r"(\d+) penalties λ between (\S+) and (\S+) times",
     lambda r: (r.metrics["leave_out"], len(ALPHAS), rounded(ALPHAS[0]), rounded(ALPHAS[-1]))),
    (r"The model of all (\w+)s has α = (\S+) and (\S+) effective degrees of freedom",
     lambda r: (r.metrics["leave_out"], rounded(r.metrics["selected"]["alpha"]),
                rounded(r.metrics["selected"]["dof"]))),
    (r"Predictions of held-out frames, by the model trained without their (\w+)",
     lambda r: (r.metrics["leave_out"],)),
    (r"Agreement was quantified by Pearson's r", lambda r: ()),
    (r"The primary outcomes?, fixed in advance, (?:was|were) (?:(\w+)-centred r and )?skill",
     lambda r: (r.metrics["leave_out"]
                if r.metrics["scales"][r.primary]["centred_r"] is not None else None,)),
    (r"95% intervals of .*\(([\d,]+) samples, seed (\d+)\)",
     lambda r: (f"{r.settings['n_bootstraps']:,}", r.settings["random_seed"])),
    (r"For one-sided permutation tests, .* ([\d,]+) times(?: in each way)?\.",
     lambda r: (f"{numbers(r, 'null')['n_permutations']:,}",)),
    (r"Possible confounds \((.*?)\) were each used alone",
     lambda r: (" and ".join(", ".join(
         list(numbers(r, "confounds"))[:-1]).rsplit(", ", 1)),)),
    (r"Partial and full confounder tests \[@spisak2022\] asked .* given the confound; ([\d,]+) "
     r"conditional permutations", lambda r: (f"{r.settings['n_permutations']:,}",)),
    (r"To remove each confound, it was partialled out", lambda r: ()),
    (r"The analysis was repeated on the first run of each session, without training on the "
     r"(\w+) on either side of the held-out \w+, with blocks of neighbouring \w+s held out "
     r"together and (without .*)\.", lambda r: (r.metrics["leave_out"], variants(r)[-1])),
    (r"For the learning curve, models were trained on (\S+ to \S+) \w+s \(at most (\d+) random",
     lambda r: (span(r.stage_tables["learningcurve"]["n_sessions"]),
                numbers(r, "curve")["n_draws"])),
    (r"For prospective validation, models of the first (\S+ to \S+) \w+s were tested on each later "
     r"\w+(?: and, where trained on \w+s before these alone, on the last (\d+) \w+s)?\.",
     lambda r: (span(r.stage_tables["prospective"]["n_past"]), *n_tested(r))),
    (r"In an exploratory failure analysis, the mean absolute error of held-out (\w+)s was "
     r"correlated \(Spearman\)", lambda r: (r.metrics["leave_out"],)),
    (r"The importance of regions and networks is the mean loss of (\w+)-centred r .* over "
     r"([\d,]+) permutations",
     lambda r: (r.metrics["leave_out"], f"{numbers(r, 'importance')['n_permutations']:,}")),
    (r"On the same outer folds, (\d+) comparison models were trained.*: (training mean), ",
     lambda r: (len(numbers(r, "baselines")["methods"]),
                next(iter(numbers(r, "baselines")["methods"])))),
    (r"The univariate map was estimated .* tested across (\d+) sessions",
     lambda r: (numbers(r, "univariate")["n_sessions"],)),
    (r"As a check of residual motion, .* across (\d+) runs \[@ciric2017\]",
     lambda r: (numbers(r, "qcfc")["n_runs"],)),
    (r"Dense BOLD \((\w+)(?:, smoothed within the brain by (\S+) mm SD)?\) was averaged over the "
     r"regions of (\S+); from the means, a linear trend(?:; 36 regressors .*; sines and cosines "
     r"below (\S+) Hz)? were removed in a single regression over the retained frames "
     r"\[@lindquist2019\](?:, after censoring frames with a framewise displacement above (\S+) mm "
     r"\[@power2012\], motion parameters low-passed at (\S+) Hz)?\.",
     lambda r: (r.audit["dense"]["kind"],
                *((2, DENSE["atlas"], 0.005, 0.3, 0.1) if r.audit["dense"]["fd_thresh_mm"]
                  else (None, DENSE["atlas"], None, None, None)))),
    (r"A region had to have signal in (\d+)% of its grayordinates",
     lambda r: (f"{100 * r.audit['dense']['min_coverage']:.0f}",)),
]  # fmt: skip
"""Every sentence that a paragraph may have, and the numbers of the results that it must state."""


def n_tested(results):
    """Number of sessions of the fixed test set, if there is one."""
    tested = results.stage_tables["calibration"]["n_test"]
    return (tested.iloc[0] if len(tested) else None,)


def sentences(paragraph):
    return re.split(r"(?<=\.)\s+(?=[A-Z\d])", paragraph.text)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_sentence_states_the_numbers_of_the_results(study, name):
    results = SETTINGS[name](study)
    for sentence in sentences(methods_paragraph(results)):
        found = [
            (match, expected)
            for pattern, expected in SENTENCES
            if (match := re.match(pattern, sentence))
        ]
        assert len(found) == 1, sentence
        ((match, expected),) = found
        stated = [None if text is None else text for text in match.groups()]
        assert stated == [None if v is None else str(v) for v in expected(results)], sentence


ONLY_WITH = {
    "permutation tests": "null", "Possible confounds": "confounds",
    "The analysis was repeated": "sensitivity", "learning curve": "curve",
    "prospective validation": "prospective", "failure analysis": "failures",
    "importance": "importance", "comparison models": "baselines", "univariate": "univariate",
    "residual motion": "qcfc", "Resting runs": "rest", "external": "external",
}  # fmt: skip


@pytest.mark.parametrize(("words", "stage"), ONLY_WITH.items())
def test_a_stage_that_was_not_run_is_not_reported(study, words, stage):
    answered = {one.name for one, _ in study.answered()}
    assert (words in methods_paragraph(study).text) == (stage in answered)
    assert words not in methods_paragraph(without(study, stage)).text
    others = len(sentences(methods_paragraph(study))) - len(
        sentences(methods_paragraph(without(study, stage)))
    )
    assert others == {"confounds": 3}.get(stage, 1) * (stage in answered)


def test_nothing_is_reported_that_was_not_done(study):
    def text(name):
        return methods_paragraph(SETTINGS[name](study)).text

    plain = text("as it is")
    for word in ("pip install", "--", "1 session on", "not run", "skip", "1 sessions",
                 "Of 18 runs", "parcellation", "Dense"):  # fmt: skip
        assert word not in plain, word
    assert "session-centred r, skill, slope and intercept are from a circular block" in plain
    assert "95% intervals of r and AUC are from" in text("few sessions")
    assert "block bootstrap" not in text("few sessions")
    assert "outliers" not in text("nothing dropped") and "The first" not in text("nothing dropped")
    software = {"pipelines": [{"name": "fMRIPrep", "version": "25.1"}] * 2}
    real = changed(study, metrics={"simulated": False})
    real = replace(real, provenance=real.provenance | {"description": software})
    assert "BOLD was preprocessed with fMRIPrep 25.1. Signals" in methods_paragraph(real).text
    runs = methods_paragraph(SETTINGS["run-wise folds"](study)).text
    assert "runs, runs" not in runs and "runs within runs" not in runs
    undefined = text("no variation within sessions")
    assert "permuted within" not in undefined.partition("Possible confounds")[0]
    assert "primary outcome, fixed in advance, was skill" in undefined


def test_exactly_the_cited_works_are_listed(study):
    for name in SETTINGS:
        paragraph = methods_paragraph(SETTINGS[name](study))
        assert re.findall(r"@article{(\w+),", paragraph.bibtex) == paragraph.keys
        assert sorted(key for key, _ in paragraph.references) == sorted(paragraph.keys)
        assert "@" not in paragraph.readable
    assert "holm1979" not in methods_paragraph(without(study, "confounds")).keys
    dense = methods_paragraph(SETTINGS["dense"](study))
    assert {"lindquist2019", "power2012", "satterthwaite2013"} <= set(dense.keys)
    assert "lindquist2019" not in methods_paragraph(study).keys


def test_works_are_whole():
    assert CitedText("as [@hoerl1970; @lee2026].").readable == (
        "as (Hoerl and Kennard, 1970; Lee et al., 2026)."
    )
    for key, work in WORKS.items():
        entry = work.bibtex(key)
        assert entry.count("{") == entry.count("}") and f"year = {{{work.year}}}" in entry
        assert "{{" not in entry  # would look like a template on the page
        assert key == work.authors[0].partition(",")[0].lower() + str(work.year)
    assert "method ({CompCor}) for {BOLD} and perfusion based {fMRI}}" in (
        WORKS["behzadi2007"].bibtex("k")
    )
    assert WORKS["lee2026"].listed.startswith("Lee J-J, Jo S, Cho S, Woo C-W (2026). Personalized")
    assert WORKS["ciric2017"].bibtex("k").count("and others") == 1


def test_the_page_writes_the_bibtex_and_hashes_it(study):
    path = study.files.decoding("references", ".bib")
    assert path.read_text() == methods_paragraph(study).bibtex
    assert any(path.name in name for name in study.provenance["pages"])
    assert path.name not in str(study.provenance["outputs"])
    page = study.files.page.read_text()
    assert "[@lee2026]" in page and "@article{lee2026," in page and "(Lee et al., 2026)" in page


def of_parcellation(**changed):
    values = {"nuisance_regressors": "paper", "high_pass_hz": 0.005, "rest_low_pass_hz": 0.1,
              "fd_thresh_mm": 0.15} | changed.pop("settings", {})  # fmt: skip
    return {
        "simulated": True, "n_frames": 4000, "n_runs": 8, "n_sessions": 4, "minutes": 40.2,
        "share_of_variance": 1.0, "similarity": {"kind": "exact", "rank": None, "n_seeds": 900},
        "networks": {"way": "none", "said": "Infomap is not installed (pip install 'x')"},
        "n_areas": 31, "halves": {"agreement": {}}, "homogeneity": {},
        "provenance": {
            "versions": {"painprint": "1"},
            "settings": {name: {"value": value} for name, value in values.items()},
        },
    } | changed  # fmt: skip


def test_a_parcellation_reports_what_was_done():
    plain = parcellation_methods(of_parcellation()).text
    for said in ("4,000 frames in 8 runs of 4 sessions, 40 min", "below 0.005 Hz", "above 0.1 Hz",
                 "above 0.15 mm", "900 vertices", "left 31 areas", "split-half"):  # fmt: skip
        assert said in plain, said
    for not_said in ("pip install", "Infomap", "spin test", "principal components", "rank"):
        assert not_said not in plain, not_said
    bare = {"nuisance_regressors": "none", "high_pass_hz": 0, "fd_thresh_mm": 0}
    other = parcellation_methods(
        of_parcellation(
            settings=bare, networks={"way": "overlap"}, halves=None, share_of_variance=0.9,
            homogeneity={"individual": {"z": 2.0, "n_turns": 50}},
        )
    ).text  # fmt: skip
    assert "From each run, a linear trend; frequencies above 0.1 Hz were removed" in other
    assert "spin test, 50 rotations" in other and "90% of the variance" in other
    assert "censoring frames" not in other and "split-half" not in other


def test_paper_preset_is_reported_as_published(study):
    rules = vars(Settings(preset="paper").rules)
    selected = study.metrics["selected"] | {"n_components": 7}
    found = changed(study, metrics={"decoder": "lasso_pcr", "selected": selected})
    found = replace(found, provenance=found.provenance | {"rules": rules})
    text = methods_paragraph(found).text
    assert "LASSO principal-component regression [@wager2011]" in text and "7 components" in text
    assert "sorted by rating into 10 bins" in text and "hoerl" not in text
