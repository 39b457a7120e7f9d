"""Which BOLD is used where a run has several: the preferences as tables."""

from pathlib import Path

import pytest

from painprint.bids.select import FOR_MAPS, REGIONAL, TO_BE_CLEANED, select
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, parse_name
from painprint.runs import RunKey

SURFACE = "space-fsLR_den-91k_bold.dtseries.nii"
CLEANED = "space-fsLR_den-91k_desc-denoised_bold.dtseries.nii"
SMOOTHED = "space-fsLR_den-91k_desc-denoisedSmoothed_bold.dtseries.nii"
VOLUME = "space-MNI152NLin6Asym_res-2_desc-preproc_bold.nii.gz"
CLEANED_VOLUME = "space-MNI152NLin6Asym_res-2_desc-denoised_bold.nii.gz"
OTHER_VOLUME = "space-MNI152NLin2009cAsym_res-2_desc-preproc_bold.nii.gz"
AROMA = "space-MNI152NLin6Asym_res-2_desc-smoothAROMAnonaggr_bold.nii.gz"
SERIES = "space-fsLR_atlas-A_timeseries.tsv"
PARCELLATED = "space-fsLR_atlas-A_timeseries.ptseries.nii"
OF_VOLUME = "space-MNI152NLin6Asym_atlas-A_timeseries.tsv"
OF_OTHER = "space-MNI152NLin2009cAsym_atlas-A_timeseries.tsv"

# (preference, what run 1 has, what runs 2 and 3 have, what is used)
TABLE = {
    "regional: of the surface": (REGIONAL, [OF_OTHER, OF_VOLUME, SERIES], None, SERIES),
    "regional: of the older template": (REGIONAL, [OF_OTHER, OF_VOLUME], None, OF_VOLUME),
    "regional: what most runs have": (REGIONAL, [SERIES, OF_VOLUME], [OF_VOLUME], OF_VOLUME),
    "regional: TSV before CIFTI": (REGIONAL, [PARCELLATED, SERIES], None, SERIES),
    "to be cleaned: not what was": (TO_BE_CLEANED, [AROMA, VOLUME, CLEANED], None, VOLUME),
    "to be cleaned: however many were": (TO_BE_CLEANED, [SURFACE, CLEANED], [CLEANED], SURFACE),
    "to be cleaned: what most runs have": (TO_BE_CLEANED, [SURFACE, VOLUME], [VOLUME], VOLUME),
    "to be cleaned: of the surface": (
        TO_BE_CLEANED,
        [OTHER_VOLUME, VOLUME, SURFACE],
        None,
        SURFACE,
    ),
    "to be cleaned: of the older template": (TO_BE_CLEANED, [OTHER_VOLUME, VOLUME], None, VOLUME),
    "for maps: of the surface": (FOR_MAPS, [CLEANED_VOLUME, SURFACE], None, SURFACE),
    "for maps: what was cleaned": (FOR_MAPS, [SURFACE, SMOOTHED, CLEANED], None, CLEANED),
    "for maps: cleaned and smoothed": (FOR_MAPS, [SURFACE, SMOOTHED], None, SMOOTHED),
    "for maps: cleaned volumes": (FOR_MAPS, [VOLUME, AROMA, CLEANED_VOLUME], None, CLEANED_VOLUME),
    "for maps: what most runs have": (FOR_MAPS, [CLEANED, VOLUME], [VOLUME], VOLUME),
}


def bold(ending, run=1, dataset="derivatives1", label=""):
    """A file of a run; no file is read."""
    name = f"sub-01_task-rating_run-{label or run}_{ending}"
    return BidsFile(Path("/d", name), Path("/d"), dataset, *parse_name(name))


def used(selection):
    return [file.path.name.partition(f"run-{key.run}_")[2] for key, file in selection.files.items()]


@pytest.mark.parametrize("case", TABLE)
def test_of_several_kinds_the_preferred_one_serves_all_runs(case, rng):
    preference, first, others, expected = TABLE[case]
    for _ in range(3):
        files = [bold(ending) for ending in rng.permutation(first)]
        files += [bold(ending, run) for run in (2, 3) for ending in others or first]
        chosen = select(files, preference)
        assert set(used(chosen)) == {expected}
        assert bool(chosen.problems) == (others is not None and expected not in others)
        n_kinds = len({preference.kind_of(file) for file in files})
        assert len(chosen.notes) == (n_kinds > 1)


def test_the_two_uses_of_dense_bold_differ_in_what_was_cleaned_before():
    files = [bold(SURFACE), bold(CLEANED)]
    assert used(select(files, TO_BE_CLEANED)) == [SURFACE]
    assert used(select(files, FOR_MAPS)) == [CLEANED]


@pytest.mark.parametrize("preference", [REGIONAL, TO_BE_CLEANED, FOR_MAPS])
def test_the_order_of_files_and_runs_does_not_matter(preference, rng):
    endings = [SURFACE, CLEANED, SMOOTHED, VOLUME, CLEANED_VOLUME, OTHER_VOLUME, AROMA]
    for _ in range(20):
        files = [bold(e, run) for run in range(1, 6) for e in endings if rng.random() < 0.5]
        if not files:
            continue
        once = select(files, preference)
        again = select([files[i] for i in rng.permutation(len(files))], preference)
        assert (once.kind, once.files, once.problems.keys()) == (
            again.kind, again.files, again.problems.keys(),
        )  # fmt: skip


def test_the_first_dataset_that_has_a_run_serves_it():
    names = [f"derivatives{i}" for i in range(1, 12)]  # "derivatives10" sorts before "derivatives2"
    files = [bold(SURFACE, 1, name) for name in names]
    files += [bold(SURFACE, 2, name) for name in names[1:]]
    chosen = select(files, TO_BE_CLEANED)
    assert [f.dataset for f in chosen.files.values()] == ["derivatives1", "derivatives2"]


def test_a_run_without_the_kind_or_with_two_files_of_it_has_a_reason():
    files = [bold(SURFACE, 1), bold(SURFACE, 1, label="01"), bold(VOLUME, 2), bold(SURFACE, 3)]
    chosen = select(files, TO_BE_CLEANED)
    one, two, three = (RunKey("", "rating", str(i)) for i in (1, 2, 3))
    assert list(chosen.files) == [three] and chosen.file_of(three).path.name.endswith(SURFACE)
    assert "run-1_" in chosen.problems[one] and "run-01_" in chosen.problems[one]
    assert chosen.problems[two] == (
        "no dense BOLD as space-fsLR den-91k, which the other runs have (only "
        "space-MNI152NLin6Asym res-2 desc-preproc)."
    )
    with pytest.raises(DerivativesError, match="run-01_"):
        chosen.file_of(one)


def test_resting_runs_take_the_kind_of_the_rated_ones():
    rated = select([bold(SERIES), bold(OF_VOLUME)], REGIONAL)
    rest = select(
        [bold(OF_VOLUME, 8), bold(SERIES, 8), bold(OF_VOLUME, 9)], REGIONAL, kind=rated.kind
    )
    assert used(rest) == [SERIES] and list(rest.problems) == [RunKey("", "rating", "9")]
    assert rated.notes and not rest.notes


def test_nothing_to_choose_from_is_an_error():
    with pytest.raises(ValueError):
        select([], REGIONAL)
