"""Denoising of BOLD: nuisance model and filter in one regression over the uncensored frames.

Denoising is the same linear projection for all grayordinates or voxels, and a regional signal is
their mean. The mean of denoised signals thus equals the denoised mean, so that regions are denoised
instead of 91,282 grayordinates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from painprint.arrays import Matrix, Vector
from painprint.runs import MOTION_NAMES, framewise_displacement
from painprint.settings import MODELS

N_COMPONENTS = 5
"""Number of white-matter and of CSF components, as in Lee et al. (2026)."""
ACOMPCOR = tuple(f"{tissue}_comp_cor_{i:02d}" for tissue in "wc" for i in range(N_COMPONENTS))
TISSUES = ("white_matter", "csf", "global_signal")
LEAST_FREEDOM = 20
"""Minimum of residual degrees of freedom: uncensored frames minus regressors."""
FILTER_ORDER = 2
"""Order of the Butterworth filter of motion parameters (docs/methods.md)."""


@dataclass(frozen=True)
class Band:
    """Passband of a temporal filter.

    Parameters
    ----------
    high_pass_hz, low_pass_hz : float
        Cut-off frequencies (Hz); 0 for none.
    """

    high_pass_hz: float = 0.0
    low_pass_hz: float = 0.0

    def check(self, tr_s: float) -> None:
        """Check that both cut-offs are possible at this repetition time (s).

        Raises
        ------
        ValueError
            If one is not below the Nyquist frequency, or they are in the wrong order.
        """
        for name, edge in (("high-pass", self.high_pass_hz), ("low-pass", self.low_pass_hz)):
            _check_edge(name, edge, tr_s)
        if self.low_pass_hz and self.high_pass_hz >= self.low_pass_hz:
            raise ValueError(
                f"the high-pass cut-off of {self.high_pass_hz:g} Hz is not below the low-pass "
                f"cut-off of {self.low_pass_hz:g} Hz."
            )


def _check_edge(name: str, edge_hz: float, tr_s: float) -> None:
    nyquist = 1 / (2 * tr_s)
    if edge_hz >= nyquist:
        raise ValueError(
            f"the {name} cut-off of {edge_hz:g} Hz is not below the Nyquist frequency of "
            f"{nyquist:.3g} Hz at a repetition time of {tr_s:g} s. Lower it, or switch it off "
            "with 0."
        )


def stop_band(n_frames: int, tr_s: float, band: Band) -> Matrix:
    """Sines and cosines of the frequencies outside a passband: (n_frames, n_columns).

    Frequencies are the multiples of 1 / (n_frames · TR) up to Nyquist; the passband is closed.

    Raises
    ------
    ValueError
        As :meth:`Band.check`.

    References
    ----------
    The frequencies and columns of AFNI's 3dTproject (-passband).
    """
    band.check(tr_s)
    cycles = np.arange(1, n_frames // 2 + 1)
    hz = cycles / (n_frames * tr_s)
    stopped = hz < band.high_pass_hz
    if band.low_pass_hz:
        stopped |= hz > band.low_pass_hz
    angle = 2 * np.pi * np.outer(np.arange(n_frames) / n_frames, cycles[stopped])
    sines = np.sin(angle[:, cycles[stopped] * 2 != n_frames])  # that of the Nyquist frequency is 0
    return np.column_stack([np.cos(angle), sines])


def with_changes(columns: Matrix) -> Matrix:
    """Columns and their backward differences, 0 for the first frame."""
    return np.column_stack([columns, np.diff(columns, axis=0, prepend=columns[:1])])


def with_squares(columns: Matrix) -> Matrix:
    """Columns and their squares."""
    return np.column_stack([columns, columns**2])


def nuisance_columns(confounds: Mapping[str, Vector], model: str, *, hint: str = "") -> Matrix:
    """Nuisance regressors of a run: (n_frames, n_columns).

    ``paper``: six motion parameters, five components of white matter and five of CSF (aCompCor), or
    as many as there are.
    ``24P``: motion parameters, their backward differences, and the squares of both. ``36P``: the
    same for motion, white matter, CSF and global signal. ``acompcor_gsr``: motion parameters, their
    backward differences, the ten components, and the global signal. ``none``: no regressors.

    Parameters
    ----------
    confounds : mapping of str to array of shape (n_frames,)
        Confounds by fMRIPrep's names.
    hint : str
        Why confounds may be missing, for the error.

    Raises
    ------
    ValueError
        Naming the confounds that are missing or not finite, and the models that are possible.

    References
    ----------
    Lee et al. (2026); Friston et al. (1996); Satterthwaite et al. (2013); Ciric et al. (2017)
    """
    needed = _needed(model, confounds)
    if missing := [name for name in needed if name not in confounds]:
        possible = [
            m for m in MODELS if m != "none" and set(_needed(m, confounds)) <= set(confounds)
        ]
        models = f"Possible models: {', '.join(possible)}." if possible else "No other is possible."
        text = (
            f"the nuisance model {model!r} needs {_first(missing)}, which the confounds lack. "
            f"{models} Choose with --nuisance-regressors (none: only trend and filter). {hint}"
        )
        raise ValueError(text.rstrip())
    for name in needed:
        if not np.isfinite(confounds[name]).all():
            row = int(np.flatnonzero(~np.isfinite(confounds[name]))[0])
            raise ValueError(f"confound {name} has no value in frame {row + 1}.")
    if model == "none":
        return np.empty((len(next(iter(confounds.values()), ())), 0))
    motion = _stack(confounds, MOTION_NAMES)
    if model == "24P":
        return with_squares(with_changes(motion))
    if model == "36P":
        return with_squares(with_changes(_stack(confounds, (*MOTION_NAMES, *TISSUES))))
    components = _stack(confounds, component_names(confounds))
    if model == "paper":
        return np.column_stack([motion, components])
    return np.column_stack([with_changes(motion), components, confounds["global_signal"]])


def component_names(confounds: Collection[str]) -> tuple[str, ...]:
    """The first five components of white matter, and of CSF; of one that has none, those needed.

    fMRIPrep keeps as many as explain half of the variance of a mask, which may be fewer.
    """
    return tuple(name for tissue in "wc" for name in _components_of(tissue, confounds))


def _components_of(tissue: str, confounds: Collection[str]) -> list[str]:
    prefix = f"{tissue}_comp_cor_"
    there = [name for name in confounds if re.fullmatch(f"{prefix}[0-9]+", name)]
    expected = [name for name in ACOMPCOR if name.startswith(prefix)]
    return sorted(there, key=lambda name: int(name.removeprefix(prefix)))[:N_COMPONENTS] or expected


def note_components(confounds: Collection[str], model: str) -> tuple[str, ...]:
    """Note on a model whose components are fewer than five of a tissue."""
    n_white_matter, n_csf = (len(_components_of(tissue, confounds)) for tissue in "wc")
    names = set(component_names(confounds))
    if not names <= set(_needed(model, confounds)) or n_white_matter == n_csf == N_COMPONENTS:
        return ()
    return (
        f"the confounds have {n_white_matter} components of white matter and {n_csf} of CSF "
        f"(aCompCor), where the model has {N_COMPONENTS} of each: these were regressed out.",
    )


def _needed(model: str, confounds: Collection[str]) -> tuple[str, ...]:
    """Confounds that a nuisance model needs, given the components that there are."""
    components = component_names(confounds)
    return {
        "none": (),
        "24P": MOTION_NAMES,
        "36P": (*MOTION_NAMES, *TISSUES),
        "paper": (*MOTION_NAMES, *components),
        "acompcor_gsr": (*MOTION_NAMES, *components, "global_signal"),
    }[model]


def _stack(confounds: Mapping[str, Vector], names: Sequence[str]) -> Matrix:
    return np.stack([confounds[name] for name in names], axis=1)


def _first(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def make_design(nuisance: Matrix, tr_s: float, band: Band) -> Matrix:
    """Regressors of a run except the mean: linear trend, nuisance (n_frames, n_nuisance), and
    frequencies to remove; all together (n_frames, n_columns).

    Raises
    ------
    ValueError
        As :meth:`Band.check`.
    """
    n_frames = len(nuisance)
    trend = np.linspace(-1, 1, n_frames)
    stopped = stop_band(n_frames, tr_s, band)
    return np.column_stack([trend, nuisance, stopped])


def count_regressors(design: Matrix) -> int:
    """Number of regressors of a design, including the mean."""
    return design.shape[1] + 1


def check_freedom(design: Matrix, kept: NDArray[np.bool_]) -> None:
    """Check that there are enough uncensored frames for the regressors.

    Raises
    ------
    ValueError
        If there are not, with both numbers.
    """
    n_kept, n_columns = int(kept.sum()), count_regressors(design)
    if n_kept < n_columns + LEAST_FREEDOM:
        raise ValueError(
            f"{n_kept} of {len(kept)} frames are kept after censoring, but {n_columns} regressors "
            f"are removed: at least {n_columns + LEAST_FREEDOM} frames are needed. Widen the "
            "passband (--low-pass, --rest-low-pass), censor less (--fd-thresh), or exclude the run."
        )


def clean_signals(signals: ArrayLike, design: Matrix, kept: ArrayLike) -> Matrix:
    """Residuals of signals after one regression on mean and design over the uncensored frames:
    (n_kept, n_signals).

    Parameters
    ----------
    signals : array of shape (n_frames, n_signals)
        A column with NaN stays NaN.
    design : ndarray of shape (n_frames, n_columns)
    kept : array of bool, shape (n_frames,)

    Raises
    ------
    ValueError
        If there are too few uncensored frames.

    References
    ----------
    Lindquist et al. (2019); the regression is nilearn's signal.clean.
    """
    from nilearn.signal import clean

    keep = np.asarray(kept, dtype=bool)
    check_freedom(design, keep)
    n_kept = int(keep.sum())
    data = np.asarray(signals, dtype=float)
    finite = np.isfinite(data[keep]).all(axis=0)
    residuals = np.full((n_kept, data.shape[1]), np.nan)
    if finite.any():
        # nilearn centres the regressors over the kept frames: the mean is orthogonal to them
        residuals[:, finite] = clean(
            data[:, finite] - data[keep][:, finite].mean(axis=0),
            detrend=False,
            standardize=None,
            standardize_confounds=True,
            filter=False,
            confounds=design,
            sample_mask=np.flatnonzero(keep),
        )
    return residuals


def filtered_displacement(motion: ArrayLike, tr_s: float, *, low_pass_hz: float) -> Vector:
    """Framewise displacement of motion parameters after a zero-phase low-pass filter: (n_frames,),
    mm.

    At short repetition times, the filter removes real and apparent head motion due to respiration.

    Parameters
    ----------
    motion : array of shape (n_frames, 6)
        As for :func:`painprint.runs.framewise_displacement`.
    low_pass_hz : float
        Cut-off frequency (Hz); 0 for no filter.

    Raises
    ------
    ValueError
        If the cut-off is not below the Nyquist frequency, or there are too few frames.

    References
    ----------
    docs/methods.md; Gratton et al. (2020)
    """
    from scipy.signal import butter, filtfilt

    parameters = np.asarray(motion, dtype=float)
    if not low_pass_hz:
        return framewise_displacement(parameters)
    _check_edge("motion filter's (--motion-low-pass)", low_pass_hz, tr_s)
    b, a = butter(FILTER_ORDER, low_pass_hz, fs=1 / tr_s)
    padding = 3 * max(len(a), len(b))  # default of filtfilt
    if len(parameters) <= padding:
        raise ValueError(f"{len(parameters)} frames; more than {padding} are needed.")
    return framewise_displacement(filtfilt(b, a, parameters, axis=0))


def temporal_signal_to_noise(mean: Vector, sd: Vector) -> float:
    """Median over grayordinates or voxels of mean / SD over time; NaN if no signal varies.

    Examples
    --------
    >>> temporal_signal_to_noise(np.array([100.0, 50.0]), np.array([1.0, 1.0]))
    75.0
    """
    ratio = mean[sd > 0] / sd[sd > 0]
    return float(np.median(ratio)) if len(ratio) else math.nan
