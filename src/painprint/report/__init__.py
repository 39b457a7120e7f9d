"""Pages: their words, figures, brain and templates."""

import os
import sys
from contextlib import suppress

if "matplotlib" not in sys.modules:
    # Matplotlib cannot be imported while MPLBACKEND names a display that it does not know
    display = os.environ.pop("MPLBACKEND", "")
    import matplotlib

    if display:
        os.environ["MPLBACKEND"] = display
        with suppress(ValueError):  # figures are drawn without a display anyway
            matplotlib.rcParams["backend"] = display
