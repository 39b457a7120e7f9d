"""All options of a study, with default, unit and source, and the presets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from painprint.option_fields import (
    Bounds,
    check_names,
    check_options,
    choices_of,
    list_options,
    option,
    option_metadata,
    show_changed,
)

LEE_2026 = "Lee et al. (2026), doi 10.1038/s41593-026-02221-3"


LONGEST_S = 3600.0
"""Upper bound of lags and of the dropped start of a run (s)."""
SHORTEST_TR_S, LONGEST_TR_S = 0.01, 30.0
"""Bounds of repetition times (s): longer ones are in milliseconds."""

DATA, RATING, DECODER, CLEANERS, QUALITY, EVIDENCE, AREAS, EARLIER, EXECUTION = GROUPS = (
    "Data", "Rating", "Decoding", "Cleaning of dense BOLD", "Quality of runs", "Evidence", "Areas",
    "Earlier results", "Execution",
)  # fmt: skip
"""Headings of options in ``--help``, in order."""

NOT_NEGATIVE = Bounds(0)
SHARE = Bounds(0, 1)
UP_TO_LONGEST = Bounds(0, LONGEST_S)


DecoderName = Literal["ridge", "lasso_pcr"]
TrainBins = Literal["60s", "30s", "20s", "rating"]
Features = Literal["edges", "activity", "both"]


@dataclass(frozen=True)
class Rules:
    """All differences between the two presets.

    ``paper`` reproduces the published scripts exactly; ``recommended`` has no leaks, does not
    assume three equal runs, and decodes by ridge regression on short time bins, which predicts
    better (docs/evidence.md). Decoder and training bins can be chosen independently.
    """

    decoder: DecoderName
    """``ridge``: ridge regression; ``lasso_pcr``: LASSO on principal components, refit by least
    squares, as published."""
    train_bins: TrainBins
    """Training samples: time bins of this length, or ``rating`` bins, as published."""
    time_bins: Literal["duration", "discretize"]
    """``duration``: about one and two minutes, equal counts. ``discretize``: 10 and 5
    bins with the automatic edges of MATLAB's ``discretize``."""
    lambda_grid: Literal["training", "all"]
    """Rows that define the penalty grid of an outer fold."""
    components: Literal["positive", "first"]
    """``positive``: every component with an eigenvalue beyond rounding. ``first``: the
    first min(rows, edges) - 1."""
    rating_decimals: int | None
    """Decimals of the run's range to which ratings must be equal to be ties when ranked."""
    max_gap: bool
    """Whether ratings are missing inside gaps of the recording."""
    curve_sizes: Literal["some", "all"]
    """Numbers of sessions at which the learning curve is computed."""
    curve_penalty: Literal["draw", "fold"]
    """λ of models of the learning curve: chosen within each draw, or that of the fold."""
    curve_draws: int
    """Draws per held-out session and number of sessions."""


PRESETS: dict[str, Rules] = {
    "recommended": Rules(
        "ridge", "30s", "duration", "training", "positive", 9, True, "some", "draw", 20
    ),
    "paper": Rules(
        "lasso_pcr", "rating", "discretize", "all", "first", None, False, "all", "fold", 100
    ),
}

Nuisance = Literal["paper", "24P", "36P", "acompcor_gsr", "none"]
MODELS: tuple[str, ...] = get_args(Nuisance)
"""Nuisance models of dense BOLD; see :func:`painprint.bold.denoise.nuisance_columns`."""


@check_names
@dataclass(frozen=True, repr=False)
class DenseSettings:
    """Options shared by all commands that denoise dense BOLD.

    Raises
    ------
    ValueError
        Naming the invalid option.
    """

    participant_label: tuple[str, ...] = option((), group=DATA)
    """Participants to analyse, with or without "sub-". Default: all."""
    session_label: tuple[str, ...] = option((), group=DATA)
    """Sessions to use, with or without "ses-". Default: all."""
    tr_s: float | None = option(
        None,
        "s",
        group=DATA,
        bounds=Bounds(SHORTEST_TR_S, LONGEST_TR_S),
        hint="Give seconds, not milliseconds.",
        tags={"reading"},
    )
    """Repetition time of the BOLD (s), which overrides sidecars and headers. Default: as in the
    files."""
    nuisance_regressors: Nuisance = option("paper", source=LEE_2026, group=CLEANERS)
    """Dense BOLD: nuisance regressors in addition to a linear trend. paper: 6 motion parameters, 5
    white-matter and 5 CSF components (aCompCor), or as many as there are; 24P; 36P; acompcor_gsr;
    none."""
    high_pass_hz: float = option(0.005, "Hz", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: high-pass cut-off frequency (Hz); 0 for none."""
    rest_low_pass_hz: float = option(0.1, "Hz", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD of resting runs: low-pass cut-off frequency (Hz); 0 for none."""
    fd_thresh_mm: float = option(0.15, "mm", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: censor frames with a larger framewise displacement (mm); 0 for none."""
    motion_low_pass_hz: float = option(0.1, "Hz", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: low-pass cut-off (Hz) of motion parameters for censoring; 0 for none."""
    dummy_scans: int | None = option(None, "frames", group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: number of frames to censor at the start. Default: fMRIPrep's non-steady-state
    frames."""
    smoothing_sigma_mm: float = option(0.0, "mm", group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: SD (not FWHM) of the Gaussian smoothing kernel (mm); 0 for none. Volumes are
    smoothed within the brain mask, CIFTI on the participant's surfaces and within each subcortical
    structure."""
    random_seed: int = option(0, group=EXECUTION, bounds=NOT_NEGATIVE)
    """Seed of the random number generators."""

    def __post_init__(self) -> None:
        check_options(self)

    def __repr__(self) -> str:
        return show_changed(self)


@check_names
@dataclass(frozen=True, repr=False)
class Settings(DenseSettings):
    """Options of a study. Paths and the number of workers are not options of the analysis, since
    results do not depend on them.

    Options for participants, sessions, tasks, atlas, dense BOLD and ratings apply to files only:
    runs given from Python are used as they are.

    Raises
    ------
    ValueError
        Naming the invalid option.
    """

    task_id: tuple[str, ...] = option((), group=DATA, tags={"reading"})
    """Tasks to use, with or without "task-"; several are pooled. Required if several tasks have
    ratings."""
    rest_task: tuple[str, ...] = option(("rest",), source=LEE_2026, group=DATA)
    """Resting-state tasks: unrated runs of the same sessions, scored by the signature."""
    atlas: str | None = option(None, group=DATA)
    """Atlas label of the regional time series, with or without "atlas-", required if there are
    several atlases, and with the scale if it has scales (Schaefer2018_scale-100); or an atlas image
    (dlabel.nii, nii.gz) or BIDS-Atlas folder, with which regional time series are made from dense
    BOLD."""
    exclude_network: tuple[str, ...] = option((), group=DATA, tags={"reading"})
    """Exclude the regions of these networks, by network label."""
    exclude_region: tuple[str, ...] = option((), group=DATA, tags={"reading"})
    """Exclude these regions, by name."""
    not_a_covariate: tuple[str, ...] = option((), group=DATA)
    """Columns of sessions.tsv that are not confounds, such as pain scores (outcomes) and record
    numbers. Default: every numeric column is a confound."""

    preset: Literal["recommended", "paper"] = option(
        "recommended", source=LEE_2026, group=DECODER, tags={"reading"}
    )
    """"paper" repeats the published analysis; "recommended" is leak-free."""
    decoder: DecoderName | None = option(None, group=DECODER, tags={"decoder"})
    """Decoder of ratings. ridge: ridge regression; lasso_pcr: the published LASSO on
    principal components. Default: ridge, in the paper preset lasso_pcr."""
    train_bins: TrainBins | None = option(None, group=DECODER, tags={"decoder"})
    """Training samples: time bins of 60, 30 or 20 s, or rating bins as published. Default: 30s, in
    the paper preset rating."""
    features: Features = option("edges", group=DECODER, tags={"decoder"})
    """Features: edges (co-fluctuation of region pairs), activity (mean signal of regions), or
    both."""
    leave_out: Literal["session", "run"] = option("session", source=LEE_2026, group=DECODER)
    """Unit that is held out in cross-validation."""

    rating_start_s: float | None = option(
        None, "s", "10 s in Lee et al. (2026)", group=RATING, tags={"reading"}
    )
    """Start of the rating recording relative to the start of the scan (s); for events, the time of
    onset 0. Default: StartTime of its sidecar, or 0."""
    rating_range: tuple[float, float] | None = option(None, group=RATING, tags={"reading"})
    """Lowest and highest possible rating. Default: 0 1 for resp.tsv, otherwise unknown."""
    rating_recording: str | None = option(None, group=RATING, tags={"reading"})
    """recording- label of the rating, if a run has several recordings."""
    rating_column: str | None = option(None, group=RATING, tags={"reading"})
    """Column of the rating, if a recording or the events have several; or a column of scans.tsv or
    sessions.tsv, for one rating of each run or session."""
    rating_window: tuple[float, float] | None = option(None, "s", group=RATING, tags={"reading"})
    """Ratings of events (events.tsv): start and end of the time that is rated, relative to the
    onset of the row of the rating (s), or of the row that --rating-of names."""
    rating_of: str | None = option(None, group=RATING, tags={"reading"})
    """Ratings of events (events.tsv): the trial_type of what is rated, such as a stimulus. A rating
    belongs to the row of this type before it, and to its duration unless there is a
    --rating-window."""
    rating_max_gap_s: float = option(5.0, "s", group=RATING, bounds=NOT_NEGATIVE, tags={"reading"})
    """Longest gap (s) between two rating samples in which frames have a rating (recommended
    preset)."""
    rating_hold: bool = option(False, group=RATING, tags={"reading"})
    """The rating holds from each sample to the next, and from the last one to the end of the scan,
    as for a slider that is logged only when it moves; it is not interpolated, and there are no
    gaps."""
    rating_ignore_start: bool = option(False, group=RATING, tags={"reading"})
    """The rating is missing before it first changes, as for a slider that has a start value until
    it is first moved."""

    low_pass_hz: float = option(0.0, "Hz", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD of rated runs: low-pass cut-off frequency (Hz); 0 for none."""
    min_coverage: float = option(0.5, "share", group=CLEANERS, bounds=SHARE)
    """Dense BOLD: a region needs signal in this share of its grayordinates or voxels in a run."""

    quality_fd_mm: tuple[float, float] = option(
        (0.2, 0.5), "mm", "Power et al. (2014)", group=QUALITY, bounds=NOT_NEGATIVE, worse="higher"
    )
    """The quality rating of a run is caution above the first mean framewise displacement (mm), and
    bad above the second."""
    quality_censored: tuple[float, float] = option(
        (0.25, 0.5), "share", group=QUALITY, bounds=NOT_NEGATIVE, worse="higher"
    )
    """The quality rating is caution and bad above these shares of censored frames."""
    quality_tsnr: tuple[float, float] = option(
        (30.0, 15.0), group=QUALITY, bounds=NOT_NEGATIVE, worse="lower"
    )
    """The quality rating is caution and bad below these temporal signal-to-noise ratios."""
    quality_covered: tuple[float, float] = option(
        (0.98, 0.9), "share", group=QUALITY, bounds=NOT_NEGATIVE, worse="lower"
    )
    """The quality rating is caution and bad below these shares of regions with enough coverage."""

    drop_s: float = option(30.0, "s", LEE_2026, group=DATA, bounds=UP_TO_LONGEST, tags={"reading"})
    """Time to drop at the start of each run (s)."""
    lag_s: tuple[float, ...] = option((6.0,), "s", LEE_2026, group=DECODER, bounds=UP_TO_LONGEST)
    """Haemodynamic lag from rating to BOLD (s); if several are given, each fold selects one on its
    training sessions."""
    min_stretch_frames: int = option(5, "frames", LEE_2026, group=DECODER, bounds=NOT_NEGATIVE)
    """Shortest segment of consecutive frames that is kept in a rating bin."""
    min_run_s: float = option(60.0, "s", group=DATA, bounds=NOT_NEGATIVE, tags={"reading"})
    """Exclude runs with less usable data (s)."""
    max_missing_regions: float = option(
        0.5, "share", group=DATA, bounds=Bounds(0, 1, high_is_open=True)
    )
    """Exclude runs in which a larger share of regions has no signal; a region without signal in
    one of the remaining runs is excluded from all of them."""

    n_bootstraps: int = option(10_000, source=LEE_2026, group=EVIDENCE, bounds=Bounds(100))
    """Number of bootstrap samples for confidence intervals."""
    n_permutations: int = option(
        1000,
        group=EVIDENCE,
        bounds=Bounds(19),
        hint="Fewer can give no p of .05. To leave the null out: skip='null' (--skip null).",
    )
    """Number of permutations of each null model, within and between sessions."""
    n_importance_permutations: int = option(
        10_000,
        source=LEE_2026,
        group=EVIDENCE,
        bounds=Bounds(50),
        hint="To leave importance out: skip='importance' (--skip importance).",
    )
    """Number of permutations for the importance of regions and networks."""
    n_curve_draws: int | None = option(None, group=EVIDENCE, bounds=Bounds(1))
    """Number of draws per held-out session for the learning curve. Default: 20, in the paper preset
    100."""
    target_r: float = option(
        0.3, group=EVIDENCE, bounds=Bounds(0, 1, low_is_open=True, high_is_open=True)
    )
    """Session-centred r at 1 min for which the learning curve estimates the number of sessions."""
    first_sessions: int = option(12, source=LEE_2026, group=EVIDENCE, bounds=Bounds(3))
    """Number of first sessions that train a model, which is tested on the later ones."""
    buffer_sessions: int = option(1, group=EVIDENCE, bounds=Bounds(1))
    """Number of sessions before and after a held-out session that are excluded from training in
    the sensitivity analysis with a buffer."""
    skip: tuple[str, ...] = option((), group=EVIDENCE)
    """Stages of evidence to skip, such as null or baselines; an unknown name lists all stages."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_paper()
        if not self.lag_s:
            raise ValueError("lag_s is empty; give at least one lag.")
        if len(set(self.lag_s)) < len(self.lag_s):
            raise ValueError(f"lag_s is {self.lag_s}; give each lag once.")
        self._check_quality_limits()
        self._check_ratings()

    def _check_ratings(self) -> None:
        """Check that limits are in order, and that ratings are those of events or recorded."""
        if self.rating_range is not None and not self.rating_range[0] < self.rating_range[1]:
            raise ValueError(
                f"rating_range is {self.rating_range}; give the lowest value, then the highest."
            )
        if self.rating_window is not None and not self.rating_window[0] < self.rating_window[1]:
            raise ValueError(
                f"rating_window is {self.rating_window}; give the start, then the later end (s)."
            )
        if self.rates_events and self.rating_recording is not None:
            raise ValueError(
                f"rating_recording is {self.rating_recording!r}, but rating_window and rating_of "
                "are for ratings in events.tsv. Omit one or the other."
            )

    def _check_paper(self) -> None:
        """Check that decoder, training bins and features are those of the paper preset."""
        if self.preset != "paper":
            return
        paper = {**vars(PRESETS["paper"]), "features": "edges"}
        for name in DECODING:
            if getattr(self, name) not in (None, paper[name]):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, but the paper preset is as published: "
                    f"{paper[name]}. Omit {name}, or use the recommended preset."
                )

    def _check_quality_limits(self) -> None:
        """Check that each limit of bad is worse than that of caution."""
        for name, metadata in option_metadata(type(self)).items():
            if not metadata.worse:
                continue
            caution, bad = getattr(self, name)
            if caution != bad and (bad > caution) != (metadata.worse == "higher"):
                raise ValueError(
                    f"{name} is {caution:g} {bad:g}; give the limit of caution, then the "
                    f"{metadata.worse} one of bad."
                )

    @property
    def rates_events(self) -> bool:
        """Whether the ratings are those of events, even where a run has a recording."""
        return self.rating_window is not None or self.rating_of is not None

    @property
    def rules(self) -> Rules:
        """Rules of the preset, with the decoder and training bins of the study."""
        chosen = {name: getattr(self, name) for name in ("decoder", "train_bins")}
        return replace(PRESETS[self.preset], **{k: v for k, v in chosen.items() if v is not None})


CLEANING = list_options(Settings, group=CLEANERS)
"""Options for denoising dense BOLD, which do not apply to regional time series."""
READ_WITH = list_options(Settings, tag="reading")
"""Options for reading runs and ratings, to be reused for new runs."""
PREPARED_WITH = (
    "exclude_network", "exclude_region", "drop_s", "lag_s", "min_run_s", "max_missing_regions",
)  # fmt: skip
"""Options of data that apply to runs that were read."""
_NOT_OF_DECODING = {
    "participant_label", "rest_task", "not_a_covariate", "rest_low_pass_hz", "leave_out",
}  # fmt: skip
"""Options that do not change what is decoded, and the unit of the folds."""
VARIED = tuple(
    name
    for group in (DATA, RATING, DECODER, CLEANERS)
    for name in list_options(Settings, group=group)
    if name not in _NOT_OF_DECODING
)
"""Options of which a multiverse may declare alternatives: the folds are the same for all."""
RENAMED = {f"light_{name}": f"quality_{name}" for name in ("fd_mm", "censored", "tsnr", "covered")}
"""Options of the version before by their new names: still read from command line, files and
results."""
DECODING = {name: choices_of(Settings, name) for name in list_options(Settings, tag="decoder")}
"""Choices of the decoder, by option."""
