"""Every option of a study, once: default, unit, source, and what a preset means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from painprint.options import Bounds, about_options, check_options, choices_of, list_options, option

LEE_2026 = "Lee et al. (2026), doi 10.1038/s41593-026-02221-3"
WAGER_2011 = (
    "Wager, Atlas, Leotti & Rilling (2011). Journal of Neuroscience 31, 439-452. "
    "doi:10.1523/JNEUROSCI.3420-10.2011 (LASSO-PCR)"
)


LONGEST_S = 3600.0
"""No lag and no start of a run that is left out lasts longer (s)."""

DATA, RATING, DECODER, CLEANERS, QUALITY, EVIDENCE, AREAS = GROUPS = (
    "Data", "Rating", "Decoding", "Cleaning of dense BOLD", "Quality of runs", "Evidence", "Areas",
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
    """How the two presets differ; nothing else does.

    ``paper`` does what the published scripts do, quirks included; ``recommended`` has no leaks,
    does not assume three equal runs, and decodes by ridge regression on short time bins, which
    reads better (docs/evidence.md). A study may choose decoder and training bins for itself.
    """

    decoder: DecoderName
    """``ridge``: ridge regression; ``lasso_pcr``: LASSO on principal components, refit by least
    squares, as published."""
    train_bins: TrainBins
    """Rows that train: time bins of so many seconds, or ``rating`` bins, as published."""
    time_bins: Literal["duration", "discretize"]
    """``duration``: about one and two minutes, equal counts. ``discretize``: 10 and 5
    bins with the automatic edges of MATLAB's ``discretize``."""
    lambda_grid: Literal["training", "all"]
    """Which rows make the penalty grid of an outer fold."""
    components: Literal["positive", "first"]
    """``positive``: every component with an eigenvalue beyond rounding. ``first``: the
    first min(rows, edges) - 1."""
    rating_decimals: int | None
    """Ratings are rounded to so many decimals before they are ranked."""
    max_gap: bool
    """Whether ratings are left missing inside gaps of the recording."""
    curve_sizes: Literal["some", "all"]
    """Numbers of sessions at which the learning curve is drawn."""
    curve_penalty: Literal["draw", "fold"]
    """λ of a learning curve's model: chosen inside its draw, or that of the fold."""
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
"""What can be regressed out of dense BOLD; see :func:`painprint.bold.denoise.nuisance_columns`."""


SIGNIFICANT = 0.05
"""A finding is called significant with a p below this, and r above 0."""


@dataclass(frozen=True)
class DenseSettings:
    """Whose scans are read, and how dense BOLD is cleaned: options of every command that does so.

    Raises
    ------
    ValueError
        Naming the option that makes no sense.
    """

    participant_label: tuple[str, ...] = option((), group=DATA)
    """Participants to analyse, with or without "sub-". Default: all."""
    session_label: tuple[str, ...] = option((), group=DATA)
    """Sessions to use, with or without "ses-". Default: all."""
    nuisance_regressors: Nuisance = option("paper", source=LEE_2026, group=CLEANERS)
    """Dense BOLD: what is regressed out beside a linear trend. paper: 6 motion parameters, 5
    white-matter and 5 CSF components (aCompCor); 24P; 36P; acompcor_gsr; none."""
    high_pass_hz: float = option(0.005, "Hz", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: take out slower frequencies (Hz); 0 for none."""
    rest_low_pass_hz: float = option(0.1, "Hz", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD of resting runs: take out faster frequencies (Hz); 0 for none."""
    fd_thresh_mm: float = option(0.15, "mm", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: censor frames with a larger framewise displacement (mm); 0 for none."""
    motion_low_pass_hz: float = option(0.1, "Hz", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: low-pass the motion parameters (Hz) before frames are censored; 0 for none."""
    dummy_scans: int | None = option(None, "frames", group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: censor so many frames at the start. Default: those that fMRIPrep calls
    non-steady."""
    smoothing_sigma_mm: float = option(0.0, "mm", group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD: smooth by a Gaussian of this SD (mm), not FWHM; 0 for none. Volumes within the
    brain mask; CIFTI on the participant's surfaces, other structures each for itself."""
    random_seed: int = option(0, bounds=NOT_NEGATIVE)
    """Seed of everything random."""

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Settings(DenseSettings):
    """What is analysed and how. Paths and the number of workers are not settings:
    they change no result.

    Those that choose participants, sessions, tasks and atlas, and those of dense BOLD and of the
    rating, say what is read from files: runs given from Python are used as they are.

    Raises
    ------
    ValueError
        Naming the option that makes no sense.
    """

    task_id: tuple[str, ...] = option((), group=DATA, tags={"reading"})
    """Tasks to use; several are pooled. Needed where several tasks have ratings."""
    rest_task: tuple[str, ...] = option(("rest",), source=LEE_2026, group=DATA)
    """Tasks that are rest: unrated runs of the same sessions, read by the signature."""
    atlas: str | None = option(None, group=DATA)
    """Atlas label of the regional time series, needed where there are several; or an atlas image
    (dlabel.nii, nii.gz) or BIDS-Atlas folder, with which regional time series are made of dense
    BOLD."""
    exclude_network: tuple[str, ...] = option((), group=DATA, tags={"reading"})
    """Leave out the regions of these networks, by network label."""
    exclude_region: tuple[str, ...] = option((), group=DATA, tags={"reading"})
    """Leave out these regions, by name."""

    preset: Literal["recommended", "paper"] = option(
        "recommended", source=LEE_2026, group=DECODER, tags={"reading"}
    )
    """"paper" repeats the published analysis; "recommended" is leak-free."""
    decoder: DecoderName | None = option(None, group=DECODER, tags={"decoder"})
    """How ratings are predicted. ridge: ridge regression; lasso_pcr: the published LASSO on
    principal components. Default: ridge, in the paper preset lasso_pcr."""
    train_bins: TrainBins | None = option(None, group=DECODER, tags={"decoder"})
    """Rows that train: time bins of 60, 30 or 20 s, or rating bins as published. Default: 30s, in
    the paper preset rating."""
    features: Features = option("edges", group=DECODER, tags={"decoder"})
    """What is decoded: edges (co-fluctuation of region pairs), activity (mean signal of regions),
    or both."""
    leave_out: Literal["session", "run"] = option("session", source=LEE_2026, group=DECODER)
    """What is held out, and kept together, in cross-validation."""

    rating_start_s: float | None = option(
        None, "s", "10 s in Lee et al. (2026)", group=RATING, tags={"reading"}
    )
    """When the rating recording starts, in seconds after the scan. Default: StartTime of
    its sidecar, or 0."""
    rating_range: tuple[float, float] | None = option(None, group=RATING, tags={"reading"})
    """Lowest and highest possible rating. Default: 0 1 for resp.tsv, else unknown."""
    rating_recording: str | None = option(None, group=RATING, tags={"reading"})
    """Which recording- label holds the rating, where a run has several."""
    rating_column: str | None = option(None, group=RATING, tags={"reading"})
    """Which column holds the rating, where a recording has several."""
    rating_max_gap_s: float = option(5.0, "s", group=RATING, bounds=NOT_NEGATIVE, tags={"reading"})
    """Frames in a longer gap (s) between two rating samples have no rating (recommended
    preset)."""

    low_pass_hz: float = option(0.0, "Hz", LEE_2026, group=CLEANERS, bounds=NOT_NEGATIVE)
    """Dense BOLD of rated runs: take out faster frequencies (Hz); 0 for none."""
    min_coverage: float = option(0.5, "share", group=CLEANERS, bounds=SHARE)
    """Dense BOLD: a region with signal in a smaller share of its points has none in this run."""

    quality_fd_mm: tuple[float, float] = option(
        (0.2, 0.5), "mm", "Power et al. (2014)", group=QUALITY, bounds=NOT_NEGATIVE, worse="higher"
    )
    """The quality rating of a run is caution above the first mean framewise displacement (mm), bad
    above the second."""
    quality_censored: tuple[float, float] = option(
        (0.25, 0.5), "share", group=QUALITY, bounds=NOT_NEGATIVE, worse="higher"
    )
    """Caution and bad above these shares of censored frames."""
    quality_tsnr: tuple[float, float] = option(
        (30.0, 15.0), group=QUALITY, bounds=NOT_NEGATIVE, worse="lower"
    )
    """Caution and bad below these temporal signal-to-noise ratios."""
    quality_covered: tuple[float, float] = option(
        (0.98, 0.9), "share", group=QUALITY, bounds=NOT_NEGATIVE, worse="lower"
    )
    """Caution and bad below these shares of regions with enough coverage."""

    drop_s: float = option(30.0, "s", LEE_2026, group=DATA, bounds=UP_TO_LONGEST, tags={"reading"})
    """Leave out this much of the start of each run (s)."""
    lag_s: tuple[float, ...] = option((6.0,), "s", LEE_2026, group=DECODER, bounds=UP_TO_LONGEST)
    """Haemodynamic lag from rating to BOLD (s); of several, each fold chooses on its
    training sessions."""
    min_stretch_frames: int = option(5, "frames", LEE_2026, group=DECODER, bounds=NOT_NEGATIVE)
    """Shorter stretches of a rating bin are dropped."""
    min_run_s: float = option(60.0, "s", group=DATA, bounds=NOT_NEGATIVE, tags={"reading"})
    """Leave out runs with less usable data than this (s)."""
    max_missing_regions: float = option(
        0.5, "share", group=DATA, bounds=Bounds(0, 1, high_is_open=True)
    )
    """Leave out runs in which a larger share of regions has no signal; a region without
    signal in any other run is left out everywhere."""

    n_bootstraps: int = option(10_000, source=LEE_2026, group=EVIDENCE, bounds=Bounds(100))
    """Bootstrap samples for intervals."""
    n_permutations: int = option(
        1000,
        group=EVIDENCE,
        bounds=Bounds(19),
        hint="Fewer can give no p of .05. To leave the null out: skip='null' (--skip null).",
    )
    """Permutations of the null, of either kind."""
    n_importance_permutations: int = option(
        10_000,
        source=LEE_2026,
        group=EVIDENCE,
        bounds=Bounds(50),
        hint="To leave importance out: skip='importance' (--skip importance).",
    )
    """Permutations of each region's and each network's contribution."""
    n_curve_draws: int | None = option(None, group=EVIDENCE, bounds=Bounds(1))
    """Draws per held-out session of the learning curve. Default: 20, in the paper preset 100."""
    target_r: float = option(
        0.3, group=EVIDENCE, bounds=Bounds(0, 1, low_is_open=True, high_is_open=True)
    )
    """The learning curve tells how many sessions this session-centred r at 1 min takes."""
    first_sessions: int = option(12, source=LEE_2026, group=EVIDENCE, bounds=Bounds(3))
    """A model of so many first sessions is tested on the later ones."""
    buffer_sessions: int = option(1, group=EVIDENCE, bounds=Bounds(1))
    """Neighbours of a left-out session, on either side, that do not train for it in the refit
    with a buffer."""
    skip: tuple[str, ...] = option((), group=EVIDENCE)
    """Stages of evidence to skip, such as null or baselines; an unknown name lists them all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_paper()
        if not self.lag_s:
            raise ValueError("lag_s is empty; give at least one lag.")
        if len(set(self.lag_s)) < len(self.lag_s):
            raise ValueError(f"lag_s is {self.lag_s}; give each lag once.")
        self._check_quality_limits()
        if self.rating_range is not None and not self.rating_range[0] < self.rating_range[1]:
            raise ValueError(
                f"rating_range is {self.rating_range}; give the lowest value, then the highest."
            )

    def _check_paper(self) -> None:
        """The paper preset has a decoder, rows that train, and features of its own."""
        if self.preset != "paper":
            return
        paper = {**vars(PRESETS["paper"]), "features": "edges"}
        for name in DECODING:
            if getattr(self, name) not in (None, paper[name]):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, but the paper preset is as published: "
                    f"{paper[name]}. Leave {name} out, or use the recommended preset."
                )

    def _check_quality_limits(self) -> None:
        """Check that each limit of bad is worse than that of caution."""
        for name, about in about_options(type(self)).items():
            if not about.worse:
                continue
            caution, bad = getattr(self, name)
            if caution != bad and (bad > caution) != (about.worse == "higher"):
                raise ValueError(
                    f"{name} is {caution:g} {bad:g}; give the limit of caution, then the "
                    f"{about.worse} one of bad."
                )

    @property
    def rules(self) -> Rules:
        """What the preset stands for, with the decoder and training bins of the study."""
        chosen = {name: getattr(self, name) for name in ("decoder", "train_bins")}
        return replace(PRESETS[self.preset], **{k: v for k, v in chosen.items() if v is not None})


CLEANING = list_options(Settings, group=CLEANERS)
"""Options of dense BOLD; regional time series are used as they are."""
READ_WITH = list_options(Settings, tag="reading")
"""Options that say how runs and ratings were read, for new ratings to be read alike."""
RENAMED = {f"light_{name}": f"quality_{name}" for name in ("fd_mm", "censored", "tsnr", "covered")}
"""Options of the version before by their new names: still read from command line, files and
results."""
DECODING = {name: choices_of(Settings, name) for name in list_options(Settings, tag="decoder")}
"""Choices of the decoder, by option."""
