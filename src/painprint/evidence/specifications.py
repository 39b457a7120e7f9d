"""Specifications of a multiverse: combinations of alternatives that were declared beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

from painprint.settings import Settings
from painprint.wording import enumerate_names, plural

MOST = 10_000
"""Largest number of combinations of a plan."""
Combination = tuple[int, ...]
"""Number of the alternative of each choice, from 0, which is the default."""
DERIVATIVES = "derivatives"
"""Name of the choice of input folders, which is no option of the analysis."""


@dataclass(frozen=True)
class Choice:
    """A choice of the analysis with its alternatives, the default first.

    Parameters
    ----------
    name : str
        As on the command line, without dashes in front.
    option : str
        Field of :class:`~painprint.settings.Settings`; empty for the choice of derivatives.
    labels : tuple of str
        The alternatives in words, without folders.
    values : tuple
        The alternatives.
    unit : str
        Unit of the values; empty for none.
    """

    name: str
    option: str
    labels: tuple[str, ...]
    values: tuple[Any, ...]
    unit: str = ""


@dataclass(frozen=True)
class LeftOut:
    """Combinations that are not computed.

    Parameters
    ----------
    where : mapping of str to set of int
        Alternatives of some choices, by name; all combinations of them are left out.
    because : str
        The reason.
    """

    where: Mapping[str, frozenset[int]]
    because: str


@dataclass(frozen=True)
class Plan:
    """Choices that were declared before anything was computed.

    Parameters
    ----------
    only : tuple of Combination
        The combinations that are computed beside the default; empty for all.
    sha256 : str
        Hash of the file of the plan.
    """

    choices: tuple[Choice, ...]
    left_out: tuple[LeftOut, ...] = ()
    only: tuple[Combination, ...] = ()
    sha256: str = ""

    @property
    def n_combinations(self) -> int:
        """Number of all combinations."""
        return prod(len(choice.labels) for choice in self.choices)

    def describe(self, combination: Combination) -> str:
        """A combination in words."""
        alternatives = zip(self.choices, combination, strict=True)
        return ", ".join(f"{choice.name} = {choice.labels[i]}" for choice, i in alternatives)

    def reason(self, combination: Combination) -> int | None:
        """Number of the first rule that leaves a combination out; None if none does."""
        at = {choice.name: i for choice, i in zip(self.choices, combination, strict=True)}
        for number, rule in enumerate(self.left_out):
            if all(at[name] in alternatives for name, alternatives in rule.where.items()):
                return number
        return None


@dataclass(frozen=True)
class Specification:
    """One analysis of a multiverse.

    Parameters
    ----------
    number : int
        From 1, in the order of the plan.
    settings : Settings
        Of a study that would give the same numbers.
    """

    number: int
    combination: Combination
    settings: Settings

    @property
    def is_default(self) -> bool:
        """Whether every choice has its first alternative."""
        return not any(self.combination)


@dataclass(frozen=True)
class Specifications:
    """The analyses of a plan, and the number that each rule leaves out.

    Attributes
    ----------
    n_left_out : tuple of int
        By rule of the plan.
    """

    listed: tuple[Specification, ...]
    n_left_out: tuple[int, ...]


def specify(plan: Plan, settings: Settings) -> Specifications:
    """The analyses of a plan.

    Parameters
    ----------
    settings : Settings
        What the plan does not vary.

    Raises
    ------
    ValueError
        If there are too many, a combination is impossible, or the default is left out.
    """
    if (n := plan.n_combinations) > MOST:
        raise ValueError(
            f"the choices have {n} combinations; at most {MOST} are possible. Declare fewer."
        )
    default = (0,) * len(plan.choices)
    if plan.reason(default) is not None:
        raise ValueError(
            f"[[left-out]] leaves out the default ({plan.describe(default)}), the first "
            "alternative of each choice. Change the order, or the rule."
        )
    everything = product(*(range(len(choice.labels)) for choice in plan.choices))
    combinations = sorted({default, *plan.only}) if plan.only else list(everything)
    n_left_out, impossible = [0] * len(plan.left_out), []
    listed: list[Specification] = []
    for combination in combinations:
        rule = plan.reason(combination)
        if rule is not None:
            n_left_out[rule] += 1
            continue
        try:
            made = replace(settings, **_options(plan.choices, combination))
        except ValueError as error:
            impossible.append((combination, str(error)))
            continue
        listed.append(Specification(len(listed) + 1, combination, made))
    if impossible:
        first, why = impossible[0]
        raise ValueError(
            f"{plural(len(impossible), 'combination')} of the choices cannot be computed; the "
            f"first is {plan.describe(first)}: {why} Leave them out with [[left-out]] and because."
        )
    if unused := [i + 1 for i, n in enumerate(n_left_out) if not n]:
        numbers = enumerate_names([str(i) for i in unused])
        raise ValueError(f"[[left-out]] number {numbers} leaves out no combination. Remove it.")
    return Specifications(tuple(listed), tuple(n_left_out))


def _options(choices: Sequence[Choice], combination: Combination) -> dict[str, Any]:
    """Values of the options that a combination chooses."""
    alternatives = zip(choices, combination, strict=True)
    return {choice.option: choice.values[i] for choice, i in alternatives if choice.option}
