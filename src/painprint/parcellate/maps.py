"""Files that a person's own areas are named and compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Maps:
    """Files that areas are named and compared with."""

    network_template: Path | None = None
    """A group's network of each vertex, whole numbers from 1 to 17 (dscalar.nii or dlabel.nii)."""
    scan_prior: Path | None = None
    """Above 0 where the somato-cognitive action network (SCAN) is expected."""
    reference_atlas: Path | None = None
    """A group's areas, to be compared with (dlabel.nii, dscalar.nii or dtseries.nii)."""
    subcortical_atlas: Path | None = None
    """Regions below the cortex: a labelled volume in MNI152NLin6Asym, a dlabel.nii with voxels,
    or a BIDS-Atlas folder."""

    @property
    def files(self) -> dict[str, Path]:
        """Those that were given, by option."""
        return {name: path for name, path in vars(self).items() if path is not None}
