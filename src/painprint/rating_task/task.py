"""The rating task: what is shown, when, and with which keys; two ready designs."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import Any, Literal

from painprint.option_fields import Bounds, check_names, check_options, flag, option
from painprint.settings import LONGEST_TR_S, SHORTEST_TR_S

Design = Literal["continuous", "intermittent"]

TIMING, TEXTS, LOOK = HEADINGS = ("Timing", "Texts", "Scale, keys and look")
"""Headings of options in ``--help``."""
LONGEST_RUN_S = 14_400.0
LONGEST_TEXT = 2_000
"""Characters of a text."""
TEXT_CONTRAST, MARK_CONTRAST = 4.5, 3.0
"""Least contrast of text and of graphical objects with the background (WCAG 2.2, AA)."""
KEY = re.compile(
    r"\S|Space|Enter|Tab|Backspace|Delete|Insert|Home|End|PageUp|PageDown|Arrow(Left|Right|Up|Down)"
    r"|F([1-9]|1[0-9]|2[0-4])",
    re.IGNORECASE,
)
"""Keys by the names that browsers give them, and Space."""
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@check_names
@dataclass(frozen=True)
class RatingTask:
    """Options of a rating task.

    Texts that are None are those of the ready design; :meth:`complete` fills them in.

    Raises
    ------
    ValueError
        Naming the option that is invalid.
    """

    design: Design = option("continuous", group=TIMING)
    """continuous: the scale is on the screen throughout. intermittent: a question at intervals."""
    duration_s: float = option(600.0, "s", group=TIMING, bounds=Bounds(1, LONGEST_RUN_S))
    """Length of the run from the first volume on (s)."""
    repetition_time_s: float | None = option(
        None,
        "s",
        group=TIMING,
        bounds=Bounds(SHORTEST_TR_S, LONGEST_TR_S),
        hint="Give seconds, not milliseconds.",
    )
    """Repetition time of the scan (s), with which triggers are compared. Default: the usual
    interval of the triggers."""
    dummy_triggers: int = option(0, group=TIMING, bounds=Bounds(0, 100))
    """Triggers of volumes that the scanner does not save; the run begins with the next one."""
    scale_after_s: float = option(0.0, "s", group=TIMING, bounds=Bounds(0, LONGEST_RUN_S))
    """Time from the first trigger until the scale of a continuous rating appears (s)."""
    every_s: float = option(60.0, "s", group=TIMING, bounds=Bounds(1, LONGEST_RUN_S))
    """Intermittent: time from the onset of a question to that of the next one (s)."""
    answer_within_s: float = option(15.0, "s", group=TIMING, bounds=Bounds(1, LONGEST_RUN_S))
    """Intermittent: time after which a question is taken from the screen (s)."""
    question: str | None = option(None, group=TEXTS)
    """Question above the scale. Texts that are not given are those of the design."""
    lowest_label: str | None = option(None, group=TEXTS)
    """Label of the lowest end of the scale."""
    highest_label: str | None = option(None, group=TEXTS)
    """Label of the highest end of the scale."""
    instruction: str | None = option(None, group=TEXTS)
    """Text before the scan; lines are kept."""
    waiting: str | None = option(None, group=TEXTS)
    """Text below the instruction."""
    thanks: str | None = option(None, group=TEXTS)
    """Text after the scan."""
    unrated: str | None = option(None, group=TEXTS)
    """What a screen reader says of a mark that was not moved yet."""
    full_screen: str | None = option(None, group=TEXTS)
    """Label of the button for the full screen."""
    practice_note: str | None = option(None, group=TEXTS)
    """Text at the foot of the screen in practice."""
    connection_note: str | None = option(None, group=TEXTS)
    """Text at the foot of the screen if the program does not answer."""
    second_page: str | None = option(None, group=TEXTS)
    """Text of a second page, which is refused."""
    description: str | None = option(None, group=TEXTS)
    """What is rated, for the sidecar of the recording."""
    language: str | None = option(None, group=TEXTS)
    """Language of the texts, such as en or ko (BCP 47)."""
    right_to_left: bool = option(False, group=TEXTS)
    """Texts run from right to left; the scale does not."""
    lowest: float = option(0.0, group=LOOK)
    """Rating at the left end of the scale."""
    highest: float = option(100.0, group=LOOK)
    """Rating at the right end of the scale."""
    trigger_key: tuple[str, ...] = option(("5",), group=LOOK)
    """Keys that the scanner's trigger box sends, of either case: a character, or a name such as
    Space or F5."""
    left_key: tuple[str, ...] = option(("ArrowLeft", "1"), group=LOOK)
    """Keys that move the mark to the left, beside the mouse."""
    right_key: tuple[str, ...] = option(("ArrowRight", "2"), group=LOOK)
    """Keys that move the mark to the right."""
    confirm_key: tuple[str, ...] = option(("Enter", "3"), group=LOOK)
    """Intermittent: keys that confirm an answer, beside the mouse's button."""
    seconds_across_s: float = option(4.0, "s", group=LOOK, bounds=Bounds(0.2, 60))
    """Time in which a key that is held moves the mark from one end to the other (s)."""
    background_colour: str = option("#000000", group=LOOK)
    """Colour of the screen."""
    text_colour: str = option("#d8d8d8", group=LOOK)
    """Colour of texts and scale."""
    mark_colour: str = option("#ffb000", group=LOOK)
    """Colour of the mark."""

    def __post_init__(self) -> None:
        check_options(self)
        _check_texts(self)
        _check_keys(self)
        _check_colours(self)
        if not self.lowest < self.highest:
            raise ValueError(f"lowest is {self.lowest:g}; it must be below {self.highest:g}.")
        if self.scale_after_s >= self.duration_s:
            raise ValueError(
                f"scale_after_s is {self.scale_after_s:g}; it must be below the duration, "
                f"{self.duration_s:g} s."
            )
        if self.answer_within_s > self.every_s:
            raise ValueError(
                f"answer_within_s is {self.answer_within_s:g}; it must be at most the time between "
                f"questions, {self.every_s:g} s."
            )

    @property
    def is_continuous(self) -> bool:
        """Whether the scale is on the screen throughout."""
        return self.design == "continuous"

    def complete(self) -> RatingTask:
        """The task with the texts of its design in place of those that were not given."""
        ready = ready_texts(self.design)
        lacking: dict[str, Any] = {
            name: text for name, text in ready.items() if getattr(self, name) is None
        }
        return replace(self, **lacking)


TEXT_NAMES = (
    "question", "lowest_label", "highest_label", "instruction", "waiting", "thanks", "unrated",
    "full_screen", "practice_note", "connection_note", "second_page", "description", "language",
)  # fmt: skip
"""Options that are texts, which a design has."""


@cache
def ready_texts(design: Design) -> dict[str, str]:
    """Texts of a ready design, by the names of options."""
    source = files("painprint.rating_task").joinpath("designs", f"{design}.toml")
    content: dict[str, Any] = tomllib.loads(source.read_text("utf-8"))
    return {name: content[flag(name)].strip() for name in TEXT_NAMES}


def _check_texts(task: RatingTask) -> None:
    for name in TEXT_NAMES:
        text = getattr(task, name)
        if text is not None and not 0 < len(text.strip()) <= LONGEST_TEXT:
            raise ValueError(
                f"{name} has {len(text.strip()):,} characters; 1 to {LONGEST_TEXT:,} are needed."
            )
    if task.language is not None and not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*",
                                                      task.language):  # fmt: skip
        raise ValueError(f"language is {task.language!r}; needed: a tag such as en or zh-Hant.")


def _check_keys(task: RatingTask) -> None:
    names = ("trigger_key", "left_key", "right_key", "confirm_key")
    for name in names:
        if not getattr(task, name) or not all(getattr(task, name)):
            raise ValueError(f"{name} is empty; give at least one key.")
        for key in getattr(task, name):
            if not KEY.fullmatch(key):
                raise ValueError(
                    f"{name} is {key!r}; needed: one character, or a name such as ArrowLeft, "
                    "Enter, Space or F5."
                )
    for a, b in combinations(names, 2):
        taken = {key.lower() for key in getattr(task, a)}
        if both := [key for key in getattr(task, b) if key.lower() in taken]:
            raise ValueError(
                f"{b} is {both[0]!r}, which is a key of {flag(a)} too. Choose another."
            )


def _check_colours(task: RatingTask) -> None:
    for name in ("background_colour", "text_colour", "mark_colour"):
        if not COLOUR.fullmatch(getattr(task, name)):
            raise ValueError(
                f"{name} is {getattr(task, name)!r}; needed: a colour such as #ffb000."
            )
    for name, least in (("text_colour", TEXT_CONTRAST), ("mark_colour", MARK_CONTRAST)):
        found = contrast(getattr(task, name), task.background_colour)
        if found < least:
            raise ValueError(
                f"{name} is {getattr(task, name)}, whose contrast with the background "
                f"{task.background_colour} is {found:.1f}; at least {least:g} is needed to be read."
            )


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2).

    Examples
    --------
    >>> contrast("#ffffff", "#000000"), round(contrast("#777777", "#ffffff"), 2)
    (21.0, 4.48)
    """
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
