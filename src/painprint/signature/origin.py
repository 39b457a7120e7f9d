"""Origin of a signature: the atlas, and the options with which the runs were read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from painprint.option_fields import as_typed
from painprint.settings import CLEANING, READ_WITH, Settings

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Origin:
    """Origin of the regional signals of a study, as far as known.

    Attributes
    ----------
    atlas : str
        Label of the atlas; empty if unknown, as are the next three.
    atlas_image : str
        File name of the atlas image.
    atlas_image_sha256, region_table_sha256 : str
        SHA-256 of the atlas image and of the table of regions.
    dense : mapping or None
        Options with which dense BOLD was denoised; None where regional time series were given.
    kind : str
        Kind of the dense BOLD: grayordinates or voxels.
    read_with : mapping
        Options with which runs and ratings were read.

    Raises
    ------
    ValueError
        If a hash is none, or an option is unknown or has a value that a study would refuse.
    """

    atlas: str = ""
    atlas_image: str = ""
    atlas_image_sha256: str = ""
    region_table_sha256: str = ""
    dense: Mapping[str, Any] | None = None
    kind: str = ""
    read_with: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("atlas_image_sha256", "region_table_sha256"):
            digest = getattr(self, name)
            if digest and not SHA256.fullmatch(digest):
                raise ValueError(f"{name} is {digest!r:.80}, which is no SHA-256.")
        if self.dense is not None and not self.atlas_image_sha256:
            raise ValueError("the study read dense BOLD, but the SHA-256 of its atlas is missing.")
        object.__setattr__(self, "read_with", _typed(self.read_with, READ_WITH))
        if self.dense is not None:
            object.__setattr__(self, "dense", _typed(self.dense, CLEANING))
        Settings(**self.options)

    @property
    def options(self) -> dict[str, Any]:
        """Options of reading and of denoising, for :class:`~painprint.settings.Settings`."""
        return {**self.read_with, **(self.dense or {})}


def _typed(options: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """Options in their types; those unknown are refused, since runs were read with them."""
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(
            f"the runs were read with {', '.join(unknown)!r:.80}, an option that this painprint "
            "does not have. Update painprint."
        )
    return {name: as_typed(Settings, name, value) for name, value in options.items()}
