"""Terms of the pages and of the documentation, each defined once."""

from __future__ import annotations

from collections.abc import Iterable

from painprint.bins import BinWords

GLOSSARY = {
    "applicability": "whether connectivity, motion, coverage, length and repetition time of a new "
    "session are like those of the sessions that the signature was trained on (applicability "
    "domain): in range, caution, or do not read.",
    "atlas": "the assignment of vertices and voxels to regions. It may be that of a group or an "
    "individual parcellation.",
    "AUC": "area under the ROC curve: probability that, of two {bin}s, one rated above the "
    "median and one not, the former has the higher prediction (0.5 by chance, 1 at best).",
    "audit": "the file that states which sessions were used to choose which parameter, and which "
    "runs and regions were excluded, with the reason.",
    "bin": "a set of frames of one run that is one sample of the model: their connectivity and "
    "their mean rating. Time bins consist of consecutive frames; rating bins consist of frames "
    "with similar ratings.",
    "block bootstrap": "resampling of blocks of neighbouring sessions, which keeps the similarity "
    "of sessions that are close in time. The blocks are circular: the first session follows the "
    "last.",
    "calibration": "agreement of predictions with ratings in level and size, shown by the slope "
    "and the intercept.",
    "censoring": "exclusion of single frames, mostly because of head motion. Censored frames "
    "neither train nor test.",
    "comparison model": "another decoder or another feature, trained and tested on the same folds "
    "as the main analysis.",
    "confound": "something other than pain that may explain the prediction, such as head motion or "
    "time in the run. It is flagged if it predicts the rating of held-out sessions by itself.",
    "coverage": "the share of a region's vertices or voxels that have a signal in a run.",
    "dense BOLD": "BOLD of every vertex and voxel, before averaging over regions.",
    "DVARS": "root mean square, over vertices and voxels, of the change of the signal from one "
    "frame to the next.",
    "edge": "a pair of regions; its strength (co-fluctuation) is the product of their signals, "
    "averaged over a {bin}.",
    "effective degrees of freedom": "number of free coefficients that a penalised regression is "
    "equivalent to: 0 if it predicts the mean alone, one per training bin without a penalty.",
    "event": "one rating of a trial, run or session, with the frames that it is about. Studies "
    "with a continuous rating have time bins instead.",
    "external signature": "weights from another study or group that are applied to the same "
    "held-out frames for comparison.",
    "fold": "one division of the sessions into a held-out session and the training sessions. Inner "
    "folds divide the training sessions once more to choose the penalty.",
    "frame": "one volume of BOLD, acquired in one repetition time.",
    "held-out": "not used for training the model that predicts it.",
    "homogeneity": "share of the variance of an area's connectivity that is explained by one "
    "component: high if all vertices of the area have similar connectivity.",
    "identification": "test of whose signature predicts a session best; it succeeds if that is the "
    "signature of the same person.",
    "importance": "loss of agreement when the contribution of a region or network to the "
    "prediction is permuted.",
    "individual parcellation": "an atlas of one person's cortex, computed from the connectivity of "
    "that person's resting runs.",
    "lag": "time by which BOLD follows the rating. A rating is paired with the BOLD that many "
    "seconds later.",
    "LASSO-PCR": "principal component regression with an L1 penalty: the decoder of the original "
    "study, and of the paper preset.",
    "learning curve": "agreement on held-out sessions as a function of the number of training "
    "sessions.",
    "leave-one-session-out": "cross-validation in which each session is predicted by a model that "
    "was trained on all other sessions.",
    "MAE": "mean absolute error, in units of the rating.",
    "mean FD": "mean framewise displacement: head motion from frame to frame (mm).",
    "nested cross-validation": "cross-validation within the training sessions of each fold. The "
    "penalty is chosen without the held-out session.",
    "95% interval": "interval that contains the true value in about 95 of 100 studies, if its "
    "assumptions hold; here, it describes how the result would vary with other sessions.",
    "p": "share of permuted ratings, the true one counted among them, whose result is at least as "
    "large. It is not the probability that the finding is wrong.",
    "p within, p between": "the same for ratings permuted within sessions (do rating and "
    "prediction covary over time?) and between them (do session means covary?).",
    "penalty": "strength with which the weights are shrunk towards 0. It is chosen by inner folds.",
    "permuted ratings": "the same ratings in another order, which cannot be related to the BOLD: "
    "models trained on them show what agreement arises by chance. Their results are the "
    "permutation null.",
    "prediction interval": "range around a prediction, as wide as the errors in the study: about "
    "80 (or 90) of 100 new ratings are in it, if new sessions are like those of the study "
    "(conformal prediction).",
    "prior": "mean of the standardised patterns (covariances of edges with the rating within "
    "sessions) of other people, towards which a "
    "person's signature is drawn as far as this predicts left-out sessions better.",
    "primary number": "a result that was fixed in advance as the one to conclude from: the "
    "session-centred r, and the skill score, of {bin}s.",
    "prospective validation": "prediction of later sessions by models of earlier sessions alone, "
    "as in use.",
    "QC-FC": "correlation, over runs, of the strength of an edge with mean FD. It should be near 0 "
    "after denoising, and independent of the distance between the two regions.",
    "r": "Pearson's correlation over all rows, including differences between sessions.",
    "recalibration": "fitting of a new slope and offset to the predictions of new rated sessions, "
    "without a change of the pattern of weights.",
    "regional time series": "the mean signal of the vertices or voxels of each region, frame by "
    "frame.",
    "ridge regression": "linear regression with an L2 penalty, which shrinks all weights: the "
    "default decoder.",
    "sensitivity analysis": "repetition of the main analysis with one choice changed, such as "
    "without a network.",
    "session-centred r": "Pearson's correlation of rating and prediction after subtracting each "
    "session's mean from both: 1 if they covary perfectly within sessions, 0 if not at all. "
    "Differences between sessions do not contribute. (Run-centred where runs were held out.)",
    "signature": "the weights with which a model predicts one person's rating from connectivity.",
    "skill": "1 minus the squared error divided by that of always predicting the mean of the "
    "training data (skill score): 1 is perfect, 0 is no better than the mean, below 0 is worse.",
    "slope": "mean increase of the rating when the held-out prediction increases by 1: 1 if "
    "predictions are calibrated, below 1 if they are over-dispersed (vary too much), above 1 if "
    "they are under-dispersed (vary too little). The intercept is the mean rating at a prediction "
    "of 0: 0 if calibrated.",
    "specification curve": "results of all combinations of declared choices of an analysis "
    "(specifications), sorted: it shows how much a result depends on such choices.",
    "spin test": "comparison with the same areas rotated at random on a sphere, which keeps their "
    "number, sizes and shapes.",
    "stage": "one analysis that follows the decoding, with its own tables and its own section of "
    "the page; --skip omits it.",
    "structure coefficient": "correlation of an edge with the prediction, over the training data. "
    "Unlike a weight, it shows which edges vary with the prediction.",
    "tracking and level": "tracking is agreement of changes within sessions (session-centred r); "
    "level is agreement of the absolute rating (skill, and r between session means). A signature "
    "may track changes without telling the level.",
    "transfer": "prediction of one person's ratings by the signature of another person.",
    "tSNR": "temporal signal-to-noise ratio: mean of the signal over time divided by its standard "
    "deviation.",
    "weight": "coefficient of an edge in the model. It may serve to cancel noise, so it does not "
    "show that the edge varies with pain; the structure coefficient does.",
}
"""Definitions, by term; ``{bin}`` is what a bin of the study is called."""
OF_A_PERSON = (
    "signature", "edge", "held-out", "session-centred r", "skill", "slope", "r", "AUC", "MAE",
    "tracking and level", "95% interval", "permuted ratings", "p", "p within, p between",
    "effective degrees of freedom", "importance", "weight", "structure coefficient", "mean FD",
)  # fmt: skip
"""Terms that the page of a person explains."""
OF_A_READING = (
    "session-centred r", "skill", "tracking and level", "held-out", "95% interval", "p",
    "p within, p between", "prediction interval", "applicability",
)  # fmt: skip
"""Terms that the page of new sessions explains."""


def glossary(terms: Iterable[str], bins: BinWords) -> dict[str, str]:
    """The definitions of some terms, for a study with such bins."""
    return {term: GLOSSARY[term].format(bin=bins.bin) for term in terms}
