"""Files with which the areas of an individual parcellation are named and compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from painprint.option_fields import option
from painprint.settings import AREAS


@dataclass(frozen=True)
class Maps:
    """Files with which areas are named and compared."""

    network_template: Path | None = option(None, group=AREAS)
    """Group network of each vertex, integers from 1 to 17 (dscalar.nii or dlabel.nii)."""
    scan_prior: Path | None = option(None, group=AREAS)
    """Map that is above 0 where the somato-cognitive action network (SCAN) is expected."""
    reference_atlas: Path | None = option(None, group=AREAS)
    """Group parcellation for comparison (dlabel.nii, dscalar.nii or dtseries.nii)."""
    subcortical_atlas: Path | None = option(None, group=AREAS)
    """Subcortical regions: a labelled volume in MNI152NLin6Asym, a dlabel.nii with voxels, or a
    BIDS-Atlas folder."""

    @property
    def files(self) -> dict[str, Path]:
        """The given files, by option."""
        return {name: path for name, path in vars(self).items() if path is not None}
