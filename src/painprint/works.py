"""Works that are cited: one record each, from which citations, reference list and BibTeX are made.

A text cites by keys, as Pandoc does: ``"... (ridge regression) [@hoerl1970]"``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

CITED = re.compile(r"\[@([a-z0-9_]+(?:; ?@[a-z0-9_]+)*)\]")
"""Keys in brackets, with an @ each and a semicolon between them."""
ACRONYM = re.compile(r"\b\w+[A-Z]\w*\b")


@dataclass(frozen=True)
class Work:
    """A published article.

    Parameters
    ----------
    authors : tuple of str
        "Family, Given names", in order.
    more : bool
        Whether there are further authors.
    volume, pages, doi : str
        Empty where there is none.
    """

    authors: tuple[str, ...]
    year: int
    title: str
    journal: str
    volume: str = ""
    pages: str = ""
    doi: str = ""
    more: bool = False

    @property
    def cited(self) -> str:
        """Authors and year, for a text: "Hoerl and Kennard, 1970"."""
        families = [author.partition(",")[0] for author in self.authors]
        if len(families) > 2 or self.more:
            return f"{families[0]} et al., {self.year}"
        return f"{' and '.join(families)}, {self.year}"

    @property
    def listed(self) -> str:
        """One entry of a list of references."""
        authors = ", ".join([*map(_initials, self.authors), *["et al."] * self.more])
        place = ", ".join(filter(None, [self.volume, self.pages]))
        return (
            f"{authors} ({self.year}). {self.title}. {f'{self.journal} {place}'.strip()}."
            + f" doi:{self.doi}" * bool(self.doi)
        )

    def bibtex(self, key: str) -> str:
        """The entry of a BibTeX file."""
        fields = {
            "author": " and ".join([*self.authors, *["others"] * self.more]),
            "title": ACRONYM.sub(r"{\g<0>}", self.title),  # keeps its capitals
            "journal": self.journal,
            "year": str(self.year),
            "volume": self.volume,
            "pages": self.pages.replace("-", "--"),
            "doi": self.doi,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@article{{{key},", *lines, "}"])


def _initials(author: str) -> str:
    """Family name and initials: "Lee, Jae-Joong" is "Lee J-J"."""
    family, _, given = author.partition(", ")
    names = ["-".join(part[0] for part in name.split("-")) for name in given.split()]
    return f"{family} {''.join(names)}"


WORKS = {
    "lee2026": Work(
        ("Lee, Jae-Joong", "Jo, Seongwoo", "Cho, Sungkun", "Woo, Choong-Wan"),
        2026,
        "Personalized brain decoding of spontaneous pain in individuals with chronic pain",
        "Nature Neuroscience",
        doi="10.1038/s41593-026-02221-3",
    ),
    "hoerl1970": Work(
        ("Hoerl, Arthur E.", "Kennard, Robert W."),
        1970,
        "Ridge regression: biased estimation for nonorthogonal problems",
        "Technometrics",
        "12",
        "55-67",
        "10.1080/00401706.1970.10488634",
    ),
    "wager2011": Work(
        ("Wager, Tor D.", "Atlas, Lauren Y.", "Leotti, Lauren A.", "Rilling, James K."),
        2011,
        "Predicting individual differences in placebo analgesia: contributions of brain activity "
        "during anticipation and pain experience",
        "Journal of Neuroscience",
        "31",
        "439-452",
        "10.1523/JNEUROSCI.3420-10.2011",
    ),
    "behzadi2007": Work(
        ("Behzadi, Yashar", "Restom, Khaled", "Liau, Joy", "Liu, Thomas T."),
        2007,
        "A component based noise correction method (CompCor) for BOLD and perfusion based fMRI",
        "NeuroImage",
        "37",
        "90-101",
        "10.1016/j.neuroimage.2007.04.042",
    ),
    "friston1996": Work(
        ("Friston, K. J.", "Williams, S.", "Howard, R.", "Frackowiak, R. S. J.", "Turner, R."),
        1996,
        "Movement-related effects in fMRI time-series",
        "Magnetic Resonance in Medicine",
        "35",
        "346-355",
        "10.1002/mrm.1910350312",
    ),
    "spisak2022": Work(
        ("Spisak, T.",),
        2022,
        "Statistical quantification of confounding bias in machine learning models",
        "GigaScience",
        "11",
        "giac082",
        "10.1093/gigascience/giac082",
    ),
    "berrett2020": Work(
        ("Berrett, T. B.", "Wang, Y.", "Barber, R. F.", "Samworth, R. J."),
        2020,
        "The conditional permutation test for independence while controlling for confounders",
        "Journal of the Royal Statistical Society: Series B",
        "82",
        "175-197",
        "10.1111/rssb.12340",
    ),
    "satterthwaite2013": Work(
        ("Satterthwaite, T. D.", "Elliott, M. A.", "Gerraty, R. T."),
        2013,
        "An improved framework for confound regression and filtering for control of motion "
        "artifact in the preprocessing of resting-state functional connectivity data",
        "NeuroImage",
        "64",
        "240-256",
        "10.1016/j.neuroimage.2012.08.052",
        more=True,
    ),
    "power2012": Work(
        ("Power, J. D.", "Barnes, K. A.", "Snyder, A. Z.", "Schlaggar, B. L.", "Petersen, S. E."),
        2012,
        "Spurious but systematic correlations in functional connectivity MRI networks arise from "
        "subject motion",
        "NeuroImage",
        "59",
        "2142-2154",
        "10.1016/j.neuroimage.2011.10.018",
    ),
    "lindquist2019": Work(
        ("Lindquist, M. A.", "Geuter, S.", "Wager, T. D.", "Caffo, B. S."),
        2019,
        "Modular preprocessing pipelines can reintroduce artifacts into fMRI data",
        "Human Brain Mapping",
        "40",
        "2358-2376",
        "10.1002/hbm.24528",
    ),
    "holm1979": Work(
        ("Holm, Sture",),
        1979,
        "A simple sequentially rejective multiple test procedure",
        "Scandinavian Journal of Statistics",
        "6",
        "65-70",
    ),
    "haufe2014": Work(
        ("Haufe, S.", "Meinecke, F.", "Görgen, K."),
        2014,
        "On the interpretation of weight vectors of linear models in multivariate neuroimaging",
        "NeuroImage",
        "87",
        "96-110",
        "10.1016/j.neuroimage.2013.10.067",
        more=True,
    ),
    "shen2017": Work(
        ("Shen, X.", "Finn, E. S.", "Scheinost, D."),
        2017,
        "Using connectome-based predictive modeling to predict individual behavior from brain "
        "connectivity",
        "Nature Protocols",
        "12",
        "506-518",
        "10.1038/nprot.2016.178",
        more=True,
    ),
    "benjamini1995": Work(
        ("Benjamini, Yoav", "Hochberg, Yosef"),
        1995,
        "Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing",
        "Journal of the Royal Statistical Society: Series B",
        "57",
        "289-300",
        "10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "ciric2017": Work(
        ("Ciric, R.", "Wolf, D. H.", "Power, J. D."),
        2017,
        "Benchmarking of participant-level confound regression strategies for the control of "
        "motion artifact in studies of functional connectivity",
        "NeuroImage",
        "154",
        "174-187",
        "10.1016/j.neuroimage.2017.03.020",
        more=True,
    ),
    "laumann2015": Work(
        ("Laumann, T. O.", "Gordon, E. M.", "Adeyemo, B."),
        2015,
        "Functional system and areal organization of a highly sampled individual human brain",
        "Neuron",
        "87",
        "657-670",
        "10.1016/j.neuron.2015.06.037",
        more=True,
    ),
    "gordon2016": Work(
        ("Gordon, E. M.", "Laumann, T. O.", "Adeyemo, B."),
        2016,
        "Generation and evaluation of a cortical area parcellation from resting-state correlations",
        "Cerebral Cortex",
        "26",
        "288-303",
        "10.1093/cercor/bhu239",
        more=True,
    ),
    "nichols2002": Work(
        ("Nichols, Thomas E.", "Holmes, Andrew P."),
        2002,
        "Nonparametric permutation tests for functional neuroimaging: a primer with examples",
        "Human Brain Mapping",
        "15",
        "1-25",
        "10.1002/hbm.1058",
    ),
    "winkler2014": Work(
        ("Winkler, Anderson M.", "Ridgway, Gerard R.", "Webster, Matthew A."),
        2014,
        "Permutation inference for the general linear model",
        "NeuroImage",
        "92",
        "381-397",
        "10.1016/j.neuroimage.2014.01.060",
        more=True,
    ),
    "finn2015": Work(
        ("Finn, Emily S.", "Shen, Xilin", "Scheinost, Dustin"),
        2015,
        "Functional connectome fingerprinting: identifying individuals using patterns of brain "
        "connectivity",
        "Nature Neuroscience",
        "18",
        "1664-1671",
        "10.1038/nn.4135",
        more=True,
    ),
    "bonett2000": Work(
        ("Bonett, Douglas G.", "Wright, Thomas A."),
        2000,
        "Sample size requirements for estimating Pearson, Kendall and Spearman correlations",
        "Psychometrika",
        "65",
        "23-28",
        "10.1007/BF02294183",
    ),
    "simonsohn2020": Work(
        ("Simonsohn, Uri", "Simmons, Joseph P.", "Nelson, Leif D."),
        2020,
        "Specification curve analysis",
        "Nature Human Behaviour",
        "4",
        "1208-1214",
        "10.1038/s41562-020-0912-z",
    ),
    "steegen2016": Work(
        ("Steegen, Sara", "Tuerlinckx, Francis", "Gelman, Andrew", "Vanpaemel, Wolf"),
        2016,
        "Increasing transparency through a multiverse analysis",
        "Perspectives on Psychological Science",
        "11",
        "702-712",
        "10.1177/1745691616658637",
    ),
}
"""Every work that a page cites, by its key."""


@dataclass(frozen=True)
class CitedText:
    """A text that cites works by their keys.

    Parameters
    ----------
    text : str
        With keys in brackets, such as ``[@holm1979; @shen2017]``.
    """

    text: str

    @property
    def readable(self) -> str:
        """The text with authors and years in place of keys.

        Examples
        --------
        >>> CitedText("corrected [@holm1979]").readable
        'corrected (Holm, 1979)'
        """
        return CITED.sub(
            lambda found: f"({'; '.join(WORKS[key].cited for key in _keys(found))})", self.text
        )

    @property
    def keys(self) -> list[str]:
        """Keys of the works it cites, in the order of the text, each once."""
        return list(
            dict.fromkeys(key for found in CITED.finditer(self.text) for key in _keys(found))
        )

    @property
    def bibtex(self) -> str:
        """The works it cites, as a BibTeX file."""
        return "".join(f"{WORKS[key].bibtex(key)}\n\n" for key in self.keys)

    @property
    def references(self) -> list[tuple[str, str]]:
        """Key and entry of each work it cites, in alphabetical order of the entries."""
        return sorted(
            ((key, WORKS[key].listed) for key in self.keys), key=lambda row: row[1].casefold()
        )


def _keys(found: re.Match[str]) -> Sequence[str]:
    """Keys within one pair of brackets."""
    return [key.strip(" @") for key in found[1].split(";")]
