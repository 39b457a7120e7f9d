"""Descriptions of the columns of all output tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from painprint.bins import BinWords
from painprint.evidence.stage import AGREEMENT, FIXED_WEIGHTS, SCALE
from painprint.evidence.stages import STAGES

STAGE_COLUMNS: dict[str, dict[str, str]] = {
    suffix: dict(columns) for stage in STAGES.values() for suffix, columns in stage.tables.items()
}
"""Columns of the stages; a table exists only if its stage was computed."""

DECODING_COLUMNS: dict[str, dict[str, str]] = {
    "dseg": {
        "index": "label of the region in the image of the same name, if there is one",
        "label": "region",
        "network_label": "its network",
        "x": "x coordinate of the centre (mm), increasing to the right",
        "y": "y coordinate (mm), increasing to the front",
        "z": "z coordinate (mm), increasing upwards",
    },
    "predictions": {
        "session": "session label",
        "run": "run label",
        "scale": SCALE,
        "bin": "number of the {bin} within the run, from 1",
        "onset": "time of the first frame of the bin, from the start of the scan (s)",
        "duration": "from the start of the first to the end of the last frame (s)",
        "n_frames": "kept frames",
        "rating": "mean rating",
        "predicted": "mean prediction by the model trained without the session",
        "training_mean": "mean rating of that model's training rows",
        "task": "task label",
    },
    "weights": {
        "region_a": "region",
        "region_b": "region",
        "network_a": "network of region_a",
        "network_b": "network of region_b",
        "weight": "weight of the edge in the model trained on all sessions (rating per unit of "
        "co-fluctuation)",
    },
    "activityweights": {
        "region": "region",
        "network": "its network",
        "weight": "weight of the region's mean signal in the model trained on all sessions (rating "
        "per SD of the run); only with --features activity or both",
    },
    "roc": {
        "scale": "as in predictions",
        "false_positive_rate": "share of lower ratings predicted above the threshold",
        "true_positive_rate": "share of ratings above the median predicted above the threshold",
        "threshold": "predicted rating",
    },
    "persession": {
        "session": "held-out session, or run",
        "n_bins": "{bins}",
        "r": "correlation of rating and prediction over the {bins}",
        "mae": "mean absolute error over the {bins}",
        "mean_rating": "mean rating",
        "mean_predicted": "mean prediction",
    },
    "runs": {
        "session": "session label",
        "task": "task label",
        "run": "run label",
        "group": "group that is held out together: session or run",
        "tr_s": "repetition time (s)",
        "lag_s": "haemodynamic lag used for the run (s)",
        "lag_frames": "the same in frames",
        "n_frames": "frames of the time series; the sum of the next six columns",
        "n_start": "excluded at the start",
        "n_beyond_end": "without BOLD after the lag",
        "n_without_rating": "without a rating",
        "n_censored": "censored",
        "n_without_signal": "without any finite signal",
        "n_kept": "used; the sum of the next two columns",
        "n_in_training_bins": "in training bins",
        "n_in_no_training_bin": "in no training bin: the bin, or the segment of a rating bin, "
        "was too short",
        "n_training_bins": "training bins",
        "n_training_bins_lost": "bins excluded from training: too short, or without any frames",
        "mean_fd_mm": "mean framewise displacement (mm)",
    },
    "ratingquality": {
        "session": "session label",
        "task": "task label",
        "run": "run label",
        "lowest": "lowest rating",
        "highest": "highest rating",
        "mean": "mean rating",
        "sd": "standard deviation of the samples",
        "share_at_floor": "share of samples at or below the lowest possible rating",
        "share_at_ceiling": "share of samples at or above the highest possible rating",
        "share_out_of_range": "share of samples outside the possible range",
        "longest_stuck_s": "longest time without any change (s)",
        "n_gaps": "gaps in the recording",
        "longest_gap_s": "longest gap (s)",
        "share_of_scan_rated": "share of the run's frames with a rating",
    },
    "quality": {
        "session": "session label",
        "task": "task label",
        "run": "run label",
        "quality_rating": "good, caution or bad, by limits in the settings; excludes no run",
        "reasons": "reasons for a quality rating other than good",
        "mean_fd_mm": "mean framewise displacement of all frames, not filtered (mm)",
        "share_censored": "censored frames, of all frames",
        "tsnr": "median over grayordinates or voxels of mean / SD over time, before denoising",
        "dvars_before": "median over frames of the RMS change of 2,000 evenly spaced "
        "grayordinates or voxels (% of their mean), before denoising",
        "dvars_after": "the same after denoising",
        "share_covered": "share of regions with signal in enough of their grayordinates or voxels",
    },
}


COLUMNS = DECODING_COLUMNS | STAGE_COLUMNS
"""Columns of all tables of a participant."""

GROUP_COLUMNS: dict[str, dict[str, str]] = {
    "transfer": {
        "model": "whose signature",
        "person": "whose ratings; for the same person, predictions by models trained without "
        "the session",
        "scale": SCALE,
        **FIXED_WEIGHTS,
        "skill": AGREEMENT["skill"],
        "skill_low": "lower end of its session-block interval",
        "skill_high": "upper end",
        "slope": "of the least-squares line of rating on prediction; 1 where calibrated",
        "slope_low": "lower end of its session-block interval",
        "slope_high": "upper end",
        "intercept": "of that line; 0 where calibrated",
        "intercept_low": "lower end of its session-block interval",
        "intercept_high": "upper end",
        "mae": "mean absolute error",
        "r2": "1 - SSE / SST",
        "auc": "area under the ROC curve for ratings above the median",
        "auc_low": "lower end of the paper's interval",
        "auc_high": "upper end",
        "auc_p": "two-sided p of AUC against .5, the paper's hierarchical bootstrap",
    },
    "identification": {
        "person": "whose session",
        "session": "session that was held out",
        "model": "whose signature",
        "r": "correlation of rating and prediction over the session's {bins}",
        "mae": "mean absolute error over them",
        "best": "1 for the model with the largest r of the session",
    },
    "networks": {
        "network": "network",
        "n": "people who have regions of the network",
        "r": "mean over people (of Fisher z) of the session-centred r of the rating with the part "
        "of the held-out prediction that comes from edges with an end in the network",
        "r_low": "lower end of its 95% t interval over people",
        "r_high": "upper end",
        "n_above": "people with an r above 0",
        "t": "one-sample t of Fisher z over people",
        "p": "one-sided p by flipping the signs of people; n/a with too few people",
        "p_corrected": "the same of the largest t of all networks",
        "energy": "share of the network's edges in the squared weights, relative to their share of "
        "all edges; geometric mean over people; n/a without weights of edges",
    },
    "similarity": {
        "person_first": "of whose first half of the sessions the pattern is",
        "person_second": "of whose second half",
        "r": "correlation of the two patterns over features",
    },
    "clinical": {
        "variable": "column of participants.tsv",
        "measure": "centred_r or skill of the own signature at the primary scale, sessions held "
        "out",
        "n": "people with a value",
        "n_missing": "people without",
        "rho": "Spearman's rank correlation over people",
        "rho_low": "lower end of its 95% interval",
        "rho_high": "upper end",
        "p": "two-sided p by permuting people",
        "p_corrected": "the same of the largest correlation of all variables and measures",
    },
}


PLAN_COLUMNS: dict[str, dict[str, str]] = {
    "plan": {
        "participant": "participant, without sub-",
        "decoding": "start of the names of the files that were read",
        "scale": "primary scale, of which the numbers are: 1min or event",
        "n_sessions": "sessions of the study today",
        "n_more": "further sessions of the same person; 0 is what the study reports today",
        "centred_r": "expected correlation of rating and held-out prediction, both centred within "
        "sessions; n/a where it is undefined or cannot be said",
        "centred_r_low": "lower end of its 80% prediction interval",
        "centred_r_high": "upper end",
        "skill": "expected 1 - SSE / SSE of the training mean",
        "skill_low": "lower end of its 80% prediction interval",
        "skill_high": "upper end",
        "ci_width": "expected width of the 95% session-block interval of centred_r",
        "ci_width_low": "lower end of its 80% prediction interval",
        "ci_width_high": "upper end",
        "target_r": "target for centred_r",
        "chance": "probability that centred_r is at least the target",
        "reason": "why it cannot be said; n/a where it can",
    },
}
"""Columns of the table of ``painprint plan``."""


def describe_columns(columns: Mapping[str, str], bins: BinWords) -> dict[str, dict[str, str]]:
    """Contents of a sidecar: the description of each column, for a study with such bins."""
    return {name: {"Description": text.format(**asdict(bins))} for name, text in columns.items()}


AREA_COLUMNS: dict[str, dict[str, str]] = {
    "dseg": {
        "index": "label of the region in the image of the same name",
        "label": "region",
        "name": "the same, under the name that other programs expect",
        "hemisphere": "L or R; n/a for subcortical regions",
        "network_label": "its network",
        "network_index": "code of the network: 1 to 17, 1.5 SCAN, 0 none; n/a where unknown",
        "n_points": "grayordinates",
        "area_mm2": "area on the person's surface; n/a for subcortical regions",
        "medoid": "vertex of the hemisphere with the shortest total distance to the area's others",
        "x": "x coordinate of the medoid, or mean over the voxels (mm), increasing to the right",
        "y": "y coordinate (mm), increasing to the front",
        "z": "z coordinate (mm), increasing upwards",
        "coverage": "mean share of frames in which its grayordinates had a signal",
        "homogeneity": "share of variance of its vertices' connectivity in their first component; "
        "n/a in the atlases of halves",
        "network_share": "share of its vertices that belong to its network",
    },
    "homogeneity": {
        "areas": "which: individual, or the reference atlas",
        "turn": "number of the rotation (spin test); 0 is the areas themselves",
        "homogeneity": "mean over areas; one on the medial wall has its mean over other rotations",
        "n_on_wall": "areas of which a part was rotated onto the medial wall",
    },
    "scan": {
        "threshold": "share of edges in the graph",
        "community": "number of the community at this threshold",
        "n_vertices": "vertices of the cortex",
        "jaccard": "vertices in both community and prior, divided by those in either",
        "prior_covered": "share of the prior's vertices that are in the community",
        "inside_prior": "share of the community's vertices that are in the prior",
        "action_mode_contrast": "correlation with the action-mode network minus that with hand, "
        "face and leg regions",
        "score": "jaccard x (1 + action_mode_contrast)",
    },
}
