"""Items of reporting standards: where this study gives them, and which are missing.

Items are those of TRIPOD+AI (Collins et al. 2024, BMJ 385, e078378) and of COBIDAS MRI (Nichols et
al. 2017, Nature Neuroscience 20, 299-303) that a study of one person can have, in our words. Title,
abstract, introduction and discussion are for the article, and not listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pandas as pd

from painprint.report.facts import LABELS

TRIPOD, COBIDAS = "TRIPOD+AI 2024", "COBIDAS MRI 2017"
GIVEN, ABSENT, NOT_APPLICABLE = "given", "missing", "not applicable"


@dataclass(frozen=True)
class Item:
    """An item of a standard.

    Attributes
    ----------
    number : str
        Its number; of COBIDAS, which numbers none, the area and the aspect.
    item : str
        What it asks for.
    where : str
        Where it is given: a section of the page, or a file.
    facts : tuple of str
        Facts that it takes, all of them; empty where it can only be given in the article.
    because : str
        Why it does not apply where these facts are unknown; empty where it always applies.
    """

    standard: str
    number: str
    item: str
    where: str = "article"
    facts: tuple[str, ...] = ()
    because: str = ""


REPORTING, METHODS = "page: Reporting", "page: Methods"
ONE_PERSON = "the model is of one participant"
SELF_REPORT = "the outcome is a self-report"
HISTORY, NEW = "*_signature/history.json", "the model is newly developed"
SAME_DATA = "development and evaluation share the data, by cross-validation"

ITEMS = (
    Item(TRIPOD, "3b", "intended purpose and users", REPORTING, ("use",)),
    Item(TRIPOD, "5a", "source of the data", REPORTING, ("doi",)),
    Item(TRIPOD, "5b", "dates of the data"),
    Item(TRIPOD, "6a", "setting and centres"),
    Item(TRIPOD, "6b", "eligibility of participants"),
    Item(TRIPOD, "6c", "treatments received", REPORTING, ("treatment",)),
    Item(TRIPOD, "7", "preparation of the data", REPORTING, ("pipelines", "denoising")),
    Item(TRIPOD, "8a", "definition and scale of the outcome", REPORTING, ("outcome", "anchors")),
    Item(TRIPOD, "8b", "qualification of outcome assessors", because=SELF_REPORT),
    Item(TRIPOD, "8c", "blinding of the outcome's assessment", because=SELF_REPORT),
    Item(TRIPOD, "9a", "choice of predictors", METHODS, ("features",)),
    Item(TRIPOD, "9b", "definition and measurement of predictors", METHODS, ("features", "tr")),
    Item(TRIPOD, "9c", "assessors of predictors", because="predictors are computed from BOLD"),
    Item(TRIPOD, "10", "sample size and its rationale", REPORTING, ("sample", "curve")),
    Item(TRIPOD, "11", "missing data, and how they were handled", REPORTING, ("runs", "frames")),
    Item(TRIPOD, "12a", "which data develop and which evaluate", METHODS, ("validation",)),
    Item(TRIPOD, "12b", "handling of predictors", METHODS, ("features",)),
    Item(TRIPOD, "12c", "type of model, tuning and validation", METHODS,
         ("model", "tuning", "validation")),
    Item(TRIPOD, "12d", "heterogeneity between clusters", "page: Performance", ("clusters",)),
    Item(TRIPOD, "12e", "measures of performance", METHODS, ("performance",)),
    Item(TRIPOD, "12f", "updating of the model", HISTORY, ("updated",), NEW),
    Item(TRIPOD, "12g", "how predictions are calculated", "*_signature", ("model",)),
    Item(TRIPOD, "13", "imbalance of classes", because="the outcome is continuous"),
    Item(TRIPOD, "14", "fairness between groups of people", because=ONE_PERSON),
    Item(TRIPOD, "15", "output of the model", METHODS, ("output",)),
    Item(TRIPOD, "16", "differences of development and evaluation data", because=SAME_DATA),
    Item(TRIPOD, "17", "approval by an ethics committee", REPORTING, ("ethics",)),
    Item(TRIPOD, "18a", "funding", REPORTING, ("funding",)),
    Item(TRIPOD, "18b", "conflicts of interest"),
    Item(TRIPOD, "18c", "access to the protocol"),
    Item(TRIPOD, "18d", "registration", REPORTING, ("registration",)),
    Item(TRIPOD, "18e", "sharing of the data", REPORTING, ("license",)),
    Item(TRIPOD, "18f", "sharing of the code", "*_provenance.json", ("code",)),
    Item(TRIPOD, "19", "involvement of patients and the public"),
    Item(TRIPOD, "20a", "flow of the data through the study", REPORTING, ("runs", "frames")),
    Item(TRIPOD, "20b", "characteristics of the participant", REPORTING, ("participant",)),
    Item(TRIPOD, "20c", "comparison with the development data", because=SAME_DATA),
    Item(TRIPOD, "21", "numbers in each analysis", "page: Performance", ("sample", "bins")),
    Item(TRIPOD, "22", "the whole model", "*_signature", ("model",)),
    Item(TRIPOD, "23a", "performance with intervals", "page: Performance", ("performance",)),
    Item(TRIPOD, "23b", "heterogeneity of performance", "page: Performance", ("clusters",)),
    Item(TRIPOD, "24", "results of updating", HISTORY, ("updated",), NEW),
    Item(COBIDAS, "design: subjects", "number of participants, sessions and runs", REPORTING,
         ("sample",)),
    Item(COBIDAS, "design: demographics", "age, sex and condition", REPORTING, ("participant",)),
    Item(COBIDAS, "design: ethics", "approval and consent", REPORTING, ("ethics",)),
    Item(COBIDAS, "design: instructions", "instruction of the task", REPORTING, ("instruction",)),
    Item(COBIDAS, "design: responses", "how responses were collected", REPORTING, ("sampling",)),
    Item(COBIDAS, "design: power", "power or another rationale", REPORTING, ("curve",)),
    Item(COBIDAS, "acquisition: system", "manufacturer and model", REPORTING, ("scanner",)),
    Item(COBIDAS, "acquisition: field strength", "field strength", REPORTING, ("field",)),
    Item(COBIDAS, "acquisition: software", "software of the scanner", REPORTING, ("software",)),
    Item(COBIDAS, "acquisition: coil", "receive coil", REPORTING, ("coil",)),
    Item(COBIDAS, "acquisition: pulse sequence", "type of sequence", REPORTING, ("sequence",)),
    Item(COBIDAS, "acquisition: repetition time", "repetition time", REPORTING, ("tr",)),
    Item(COBIDAS, "acquisition: echo time", "echo time", REPORTING, ("te",)),
    Item(COBIDAS, "acquisition: flip angle", "flip angle", REPORTING, ("flip",)),
    Item(COBIDAS, "acquisition: slices", "slice thickness", REPORTING, ("slice",)),
    Item(COBIDAS, "acquisition: multiband", "simultaneous slices", REPORTING, ("multiband",)),
    Item(COBIDAS, "acquisition: parallel imaging", "in-plane acceleration", REPORTING,
         ("in_plane",)),
    Item(COBIDAS, "acquisition: phase encoding", "direction of phase encoding", REPORTING,
         ("phase",)),
    Item(COBIDAS, "preprocessing: software", "programs and versions", REPORTING, ("pipelines",)),
    Item(COBIDAS, "preprocessing: artefact removal", "nuisance regression", METHODS,
         ("denoising",)),
    Item(COBIDAS, "preprocessing: motion", "amount of motion", "page: Quality", ("motion",)),
    Item(COBIDAS, "multivariate: variables", "type and number of variables", METHODS,
         ("features",)),
    Item(COBIDAS, "multivariate: model", "type of model", METHODS, ("model",)),
    Item(COBIDAS, "multivariate: training procedure", "splits and tuning", METHODS,
         ("tuning", "validation")),
    Item(COBIDAS, "multivariate: evaluation metrics", "agreement with the rating",
         "page: Performance", ("performance",)),
    Item(COBIDAS, "multivariate: significance", "comparison with chance", "page: Chance",
         ("chance",)),
    Item(COBIDAS, "multivariate: fit interpretation", "importance of features",
         "page: Regions and networks", ("importance",)),
    Item(COBIDAS, "data sharing: licence", "licence of the data", REPORTING, ("license",)),
    Item(COBIDAS, "data sharing: identifier", "permanent identifier", REPORTING, ("doi",)),
    Item(COBIDAS, "reproducibility: tools", "programs and versions", "*_provenance.json",
         ("code",)),
    Item(COBIDAS, "reproducibility: provenance", "settings, inputs and random numbers",
         "*_provenance.json", ("code", "seed")),
)  # fmt: skip

COLUMNS = {
    "standard": "TRIPOD+AI (Collins et al. 2024) or COBIDAS MRI (Nichols et al. 2017)",
    "number": "number of the item; for COBIDAS, its area and aspect",
    "item": "what the item asks for, in our words",
    "where": "section of the page or file that gives it; article: it can only be given there",
    "value": "what is given (also if it is incomplete), or why the item does not apply",
    "status": "given, missing, or not applicable",
}
"""Description of each column of ``checklist.tsv``."""


def checklist(known: Mapping[str, str | None]) -> pd.DataFrame:
    """Every item with its value and status.

    Parameters
    ----------
    known : mapping
        As :func:`~painprint.report.facts.facts` returns it.

    Returns
    -------
    items : DataFrame
        Columns as in :data:`COLUMNS`.
    """
    rows = []
    for item in ITEMS:
        value, status = _answer(item, known)
        rows.append({**asdict(item), "value": value, "status": status})
    return pd.DataFrame(rows)[list(COLUMNS)]


def _answer(item: Item, known: Mapping[str, str | None]) -> tuple[str | None, str]:
    """Value and status of an item."""
    given = {LABELS[name]: known[name] for name in item.facts if known[name] is not None}
    texts = [text if len(item.facts) == 1 else f"{label}: {text}" for label, text in given.items()]
    whole = bool(item.facts) and len(given) == len(item.facts)
    if item.because and not whole:
        return item.because, NOT_APPLICABLE
    return "; ".join(map(str, texts)) or None, GIVEN if whole else ABSENT
