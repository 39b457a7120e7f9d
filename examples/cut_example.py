"""Cut the example dataset from the simulated participants of the golden numbers.

    python examples/cut_example.py GOLDEN_BIDS_FOLDER

Participant 01, the first 4 sessions, 3 runs each, the first 20 regions; signals rounded to
2 decimals, ratings to 4. Everything in it is simulated.
"""

import json
import shutil
import sys
from pathlib import Path

import pandas as pd

SESSIONS = ("01", "02", "03", "04")
N_REGIONS = 20
TARGET = Path(__file__).parent / "bids"


def main(source: Path) -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    xcp_d = Path("derivatives/xcp_d")
    for session in SESSIONS:
        folder = Path(f"sub-01/ses-{session}/func")
        for path in sorted((source / folder).iterdir()):
            copy(path, TARGET / folder / path.name, decimals=4, header=None)
        for path in sorted((source / xcp_d / folder).iterdir()):
            signals = path.name.endswith("timeseries.tsv")
            copy(
                path,
                TARGET / xcp_d / folder / path.name,
                decimals=2 if signals else 6,
                n_columns=N_REGIONS if signals else None,
            )
    atlas = xcp_d / "atlases/atlas-Golden/atlas-Golden_dseg.tsv"
    table = pd.read_csv(source / atlas, sep="\t").head(N_REGIONS)
    (TARGET / atlas).parent.mkdir(parents=True)
    table.to_csv(TARGET / atlas, sep="\t", index=False)
    describe(TARGET, "painprint example: one simulated participant", "raw")
    describe(
        TARGET / xcp_d, "Regional time series in the layout of XCP-D (simulated)", "derivative"
    )
    (TARGET / "participants.tsv").write_text("participant_id\nsub-01\n")


def copy(path, target, *, decimals, header=0, n_columns=None):
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        target.write_text(json.dumps(json.loads(path.read_text()), indent=1) + "\n")
        return
    table = pd.read_csv(path, sep="\t", header=header).iloc[:, :n_columns].round(decimals)
    table.to_csv(target, sep="\t", index=False, header=header is not None)


def describe(folder, name, kind):
    makers = {"GeneratedBy": [{"Name": "simulation"}]}
    content = {"Name": name, "BIDSVersion": "1.10.0", "DatasetType": kind, **makers}
    (folder / "dataset_description.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
