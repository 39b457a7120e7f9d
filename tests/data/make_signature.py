"""Write the fixture of the present version of signature files."""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from conftest import simulate_runs  # noqa: E402

from painprint import Settings, decode_runs  # noqa: E402
from painprint.signature.file import VERSION, write_signature  # noqa: E402
from painprint.signature.model import complete_signature, make_signature  # noqa: E402
from painprint.signature.origin import Origin  # noqa: E402

settings = Settings(n_bootstraps=100, features="both")
runs = simulate_runs(np.random.default_rng(0), n_sessions=9, n_runs=2, n_regions=5, n_frames=240)
decoding = decode_runs(runs, settings)
made = make_signature(decoding, simulated=True, metrics={}, participant="01")
signature = complete_signature(made, decoding, origin=Origin("A"))
write_signature(HERE / "signatures" / f"version{VERSION}", signature)
