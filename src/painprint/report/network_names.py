"""Full names of brain networks by the abbreviations of common atlases."""

from __future__ import annotations

import re
from collections.abc import Iterable

FULL = {
    "VIS": "visual", "VN": "visual", "VISCENT": "central visual", "VISPERI": "peripheral visual",
    "VIS1": "primary visual", "VIS2": "secondary visual", "LVIS": "lateral visual",
    "MVIS": "medial visual", "SOMMOT": "somatomotor", "SMN": "somatomotor",
    "HSMN": "hand somatomotor", "FSMN": "face somatomotor", "LSMN": "leg somatomotor",
    "SCAN": "somato-cognitive action", "PMOT": "premotor", "DORSATTN": "dorsal attention",
    "DAN": "dorsal attention", "SALVENTATTN": "salience and ventral attention",
    "VAN": "ventral attention", "SAL": "salience", "AMN": "action mode",
    "CON": "cingulo-opercular", "LIMBIC": "limbic", "LIMB": "limbic", "LIM": "limbic",
    "CONT": "frontoparietal control", "FPN": "frontoparietal", "DEFAULT": "default mode",
    "DMN": "default mode", "TEMPPAR": "temporoparietal", "AUD": "auditory", "LANG": "language",
    "LAN": "language", "PMN": "parietal memory", "CAN": "context association",
    "AMTL": "anterior medial temporal", "PMTL": "posterior medial temporal",
    "PMM": "posterior multimodal", "VMM": "ventral multimodal", "ORA": "orbito-affective",
}  # fmt: skip
"""Of Yeo et al. 2011, Schaefer et al. 2018 (17 networks: with a last letter A, B or C), Ji et al.
2019, Gordon et al. 2023, Lynch et al. 2024 and Lee et al. 2026."""
PLACES = {
    "SUB": "subcortical regions",
    "SCTX": "subcortical regions",
    "CB": "cerebellum",
    "CBL": "cerebellum",
    "BS": "brainstem",
}
"""Parts of the brain that stand among the networks of an atlas."""


def full_names(networks: Iterable[str]) -> dict[str, str]:
    """Full names of those networks whose abbreviation is known, in alphabetical order.

    Examples
    --------
    >>> full_names(["DMN", "ContB", "mine", "Language", ""])
    {'ContB': 'frontoparietal control network B', 'DMN': 'default mode network'}
    """
    names = {}
    for network in sorted(set(networks)):
        parts = re.fullmatch(r"(.+?)_?([ABC])?", network)
        if network.upper() in PLACES:
            names[network] = PLACES[network.upper()]
        elif network.upper() in FULL:
            names[network] = f"{FULL[network.upper()]} network"
        elif parts and parts[2] and parts[1].upper() in FULL:
            names[network] = f"{FULL[parts[1].upper()]} network {parts[2]}"
    return names
