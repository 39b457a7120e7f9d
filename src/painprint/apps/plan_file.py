"""The file of a multiverse's plan: TOML with alternatives of choices, declared before they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from painprint.apps.arguments import UsageError, with_flags
from painprint.apps.config_file import read_toml
from painprint.evidence.specifications import (
    DERIVATIVES,
    Choice,
    Combination,
    LeftOut,
    Plan,
    specify,
)
from painprint.option_fields import flag, list_changed, option_metadata
from painprint.settings import VARIED, Settings
from painprint.store.files import hash_file
from painprint.wording import did_you_mean

TABLES = ("choices", DERIVATIVES, "left-out", "only")
OPTION_OF = {flag(name): name for name in VARIED}
"""Fields of the settings by their names in the file."""


@dataclass(frozen=True)
class PlanFile:
    """A plan as read from its file.

    Attributes
    ----------
    folders : tuple of tuples of Path
        Datasets of each alternative of the choice of derivatives; empty where it is not one.
    """

    plan: Plan
    folders: tuple[tuple[Path, ...], ...] = ()

    def folders_of(self, combination: Combination) -> tuple[Path, ...]:
        """Datasets of a combination; empty where they are no choice."""
        if not self.folders:
            return ()
        at = [choice.name for choice in self.plan.choices].index(DERIVATIVES)
        return self.folders[combination[at]]


def read_plan(path: Path, settings: Settings, derivatives: Sequence[Path]) -> PlanFile:
    """Read and check a plan.

    Parameters
    ----------
    settings : Settings
        From the command line, which may not set what the plan varies.
    derivatives : sequence of Path
        Likewise.

    Raises
    ------
    UsageError
        Naming the file, what is wrong in it, and the remedy.
    """
    content = read_toml(path, "PLAN", "lag = [6, 4] under [choices]")
    try:
        choices = _read_choices(content, path.parent)
        folders = _read_folders(content, path.parent)
        if folders:
            choices = (*choices, Choice(DERIVATIVES, "", tuple(folders), tuple(folders)))
        if not choices:
            raise ValueError("no choice has alternatives. Write lag = [6, 4] under [choices].")
        _check_given(choices, settings, derivatives)
        only = tuple(_combination(choices, row) for row in _rows(content, "only"))
        rules = tuple(_rule(choices, row) for row in _rows(content, "left-out"))
        if only and rules:
            raise ValueError("[[only]] and [[left-out]] exclude each other. Use one of them.")
        plan = Plan(choices, rules, only, hash_file(path))
        specify(plan, settings)
    except ValueError as error:
        raise UsageError(f"{path}: {with_flags(str(error))}") from error
    return PlanFile(plan, tuple(folders.values()))


def _read_choices(content: Mapping[str, Any], folder: Path) -> tuple[Choice, ...]:
    if unknown := [name for name in content if name not in TABLES]:
        raise ValueError(
            f"there is no table {unknown[0]}; there are [choices], [{DERIVATIVES}], [[left-out]] "
            f"and [[only]].{did_you_mean(unknown[0], TABLES)}"
        )
    return tuple(
        _read_choice(name, given, folder) for name, given in _table(content, "choices").items()
    )


def _read_choice(name: str, given: Any, folder: Path) -> Choice:
    """A choice of an option; values are checked as the option's."""
    if name not in OPTION_OF:
        known = {flag(field.name) for field in fields(Settings)}
        why = "is not varied" if name in known else "is no option"
        near = did_you_mean(name, OPTION_OF) or f" Options: {', '.join(OPTION_OF)}."
        raise ValueError(f"{name!r} {why} of a multiverse.{near}")
    if not isinstance(given, list) or len(given) < 2:
        raise ValueError(f"{name!r} needs a list of two alternatives or more, the default first.")
    option = OPTION_OF[name]
    values = [
        getattr(Settings(**{option: _located(option, value, folder)}), option) for value in given
    ]
    labels = [_label(option, value) for value in values]
    if repeated := [label for i, label in enumerate(labels) if label in labels[:i]]:
        raise ValueError(f"{name!r} has the alternative {repeated[0]} twice. Give it once.")
    unit = option_metadata(Settings)[option].unit
    return Choice(name, option, tuple(labels), tuple(values), unit)


def _located(option: str, value: Any, folder: Path) -> Any:
    """The image of an atlas may be named relative to the folder of the plan."""
    if option == "atlas" and isinstance(value, str) and (folder / value).exists():
        return str(folder / value)
    return value


def _label(option: str, value: Any) -> str:
    """An alternative in words, without folders."""
    if option == "atlas":
        return Path(value).name
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(_label("", one) for one in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read_folders(content: Mapping[str, Any], folder: Path) -> dict[str, tuple[Path, ...]]:
    """Datasets by the name of each alternative, relative to the folder of the plan."""
    named = _table(content, DERIVATIVES)
    if named and len(named) < 2:
        raise ValueError(f"[{DERIVATIVES}] needs two alternatives or more, the default first.")
    folders = {}
    for name, given in named.items():
        paths = given if isinstance(given, list) else [given]
        if not paths or not all(isinstance(path, str) for path in paths):
            raise ValueError(f"{name!r} of [{DERIVATIVES}] needs a folder, or a list of folders.")
        folders[name] = tuple(folder / path for path in paths)
    return folders


def _check_given(
    choices: Sequence[Choice], settings: Settings, derivatives: Sequence[Path]
) -> None:
    """Check that the command line does not set what the plan varies."""
    changed = list_changed(settings)
    for choice in choices:
        given = choice.option in changed if choice.option else bool(derivatives)
        if given:
            raise ValueError(
                f"{choice.name!r} is a choice of the plan, and was given as --{choice.name}, too. "
                "Omit one of them."
            )


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"{name} is no table. Begin it with [{name}].")
    return table


def _rows(content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = content.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{name} is no list of tables. Begin each of them with [[{name}]].")
    return rows


def _combination(choices: Sequence[Choice], row: Mapping[str, Any]) -> Combination:
    """A combination that is declared by what differs from the default."""
    at = {name: _index(choices, name, value) for name, value in row.items()}
    return tuple(at.get(choice.name, 0) for choice in choices)


def _rule(choices: Sequence[Choice], row: Mapping[str, Any]) -> LeftOut:
    because = row.get("because")
    if not isinstance(because, str) or not because.strip():
        raise ValueError("[[left-out]] needs the reason: because = '...'.")
    named = {name: value for name, value in row.items() if name != "because"}
    if not named:
        raise ValueError("[[left-out]] names no choice. Write which alternatives are left out.")
    where = {name: frozenset([_index(choices, name, value)]) for name, value in named.items()}
    return LeftOut(where, because.strip())


def _index(choices: Sequence[Choice], name: str, value: Any) -> int:
    """Number of an alternative of a choice."""
    by_name = {choice.name: choice for choice in choices}
    if name not in by_name:
        raise ValueError(
            f"{name!r} is no choice of the plan; there are {', '.join(by_name)}."
            f"{did_you_mean(name, by_name)}"
        )
    choice = by_name[name]
    if choice.option == "atlas" or not choice.option:
        label = Path(str(value)).name
    else:
        label = _label(choice.option, getattr(Settings(**{choice.option: value}), choice.option))
    if label not in choice.labels:
        raise ValueError(
            f"{name!r} has no alternative {label}; there are {', '.join(choice.labels)}."
        )
    return choice.labels.index(label)
