"""Words of the command line and options of a config file, checked before they are parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

from painprint.apps.arguments import KINDS, UsageError
from painprint.errors import DerivativesError
from painprint.option_fields import flag
from painprint.settings import RENAMED
from painprint.store.reading import read_at_most

RENAMED_FLAGS = {f"--{flag(old)}": f"--{flag(new)}" for old, new in RENAMED.items()}
"""Options of the version before by their new names."""

MOST_BYTES_OF_CONFIG = 1_000_000
"""Upper limit for a config file (bytes)."""

NEEDS_A_VALUE = "needs at least one value"
"""What is wrong with an option for several values that is given without any."""


def check_whole(words: Sequence[str], where: str = "") -> None:
    """Check that options for whole numbers get whole numbers, which would be rounded otherwise.

    Parameters
    ----------
    words : sequence of str
        Options, each followed by its value, or joined with it by "=".
    where : str
        Where they stand, for the error.

    Raises
    ------
    UsageError
        Naming the option and its value.
    """
    whole = {
        f"--{flag(name)}"
        for kind in KINDS
        for name, hint in get_type_hints(kind).items()
        if int in (hint, *get_args(hint))
    }
    given = [part for word in words for part in word.split("=", 1)]
    for name, value in pairwise(given):
        if name in whole and re.fullmatch(r"[-+]?[0-9]*\.[0-9]*[1-9][0-9]*", value):
            raise UsageError(f"{name} is {value}{where}; needed: a whole number.")


def with_new_name(word: str, warn: Callable[[str], None]) -> str:
    """A word of the command line; an option of the version before gets its new name."""
    option, equals, value = word.partition("=")
    if option not in RENAMED_FLAGS:
        return word
    warn(f"{option} is now called {RENAMED_FLAGS[option]}.")
    return RENAMED_FLAGS[option] + equals + value


def find_config_file(words: Sequence[str]) -> Path | None:
    """Value of --config-file, which is needed before the other arguments are parsed."""
    for word, following in zip(words, [*words[1:], None], strict=False):
        if word == "--config-file" and following is not None:
            return Path(following)
        if word.startswith("--config-file="):
            return Path(word.partition("=")[2])
    return None


def read_toml(path: Path, argument: str, example: str) -> dict[str, Any]:
    """Content of a TOML file.

    Parameters
    ----------
    argument : str
        What names the file on the command line, for the error.
    example : str
        What may stand in it.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    import tomllib

    if not path.exists():
        raise UsageError(f"there is no file {path} ({argument}). Check the path.")
    try:
        return tomllib.loads(read_at_most(path, MOST_BYTES_OF_CONFIG).decode())
    except DerivativesError as error:
        raise UsageError(f"{error} ({argument})") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: is not readable TOML ({error}). Write options as in {example}."
        ) from error


def read_config_file(
    config: Path, warn: Callable[[str], None], option: str = "--config-file"
) -> dict[str, Any]:
    """Options of a TOML file, by their names on the command line without dashes in front.

    Parameters
    ----------
    option : str
        The option that names the file.

    Raises
    ------
    UsageError
        If it is not a config file.
    """
    content = read_toml(config, option, "lag = 6")
    if tables := [name for name, value in content.items() if isinstance(value, dict)]:
        raise UsageError(
            f"{config}: options must be at the top level, not under [{tables[0]}]. Remove that "
            "line."
        )
    named = {with_new_name(f"--{name}", warn): value for name, value in content.items()}
    for name, value in named.items():
        if value == []:
            raise UsageError(f"{name} {NEEDS_A_VALUE} ({config}).")
        check_whole([name, str(value)], f" ({config})")
    return {name.removeprefix("--"): value for name, value in named.items()}
