"""Do two commits write the same bytes? For changes that are meant to change nothing.

    python benchmarks/same_outputs.py COMMIT COMMIT
    python benchmarks/same_outputs.py HEAD~1 HEAD --golden ../shared/golden/bids

Each commit is checked out beside the repository and runs ``painprint demo`` and, where the golden
dataset is given, ``painprint run`` on it (paper preset and default). All files are compared but the
logs. Ends with 1, and the names, where any differs.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

QUICK = ("--n-bootstraps", "100", "--n-permutations", "99", "--n-importance-permutations", "50")


def write_outputs(tree: Path, out: Path, golden: Path | None) -> None:
    """Everything that a commit's commands write."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OPENBLAS_NUM_THREADS": "1"}
    commands = [["demo", str(out / "demo")]]
    if golden is not None:
        about = ["participant", "--task-id", "rating", "--rating-start", "10", *QUICK]
        for preset in ("paper", "recommended"):
            name = str(out / preset)
            commands.append(["run", str(golden), name, *about, "--preset", preset])
    for words in commands:
        subprocess.run(
            [sys.executable, "-m", "painprint", *words],
            env=environment, cwd=tree, check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip


def files_of(folder: Path) -> set[Path]:
    """Every file but the logs, relative to the folder."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path for path in found if "logs" not in path.parts}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("commits", nargs=2)
    parser.add_argument("--golden", type=Path, help="the golden dataset")
    options = parser.parse_args()
    golden = options.golden.resolve() if options.golden else None
    with tempfile.TemporaryDirectory() as work:
        outs = []
        for i, commit in enumerate(options.commits):
            tree, out = Path(work, f"tree{i}"), Path(work, f"out{i}")
            subprocess.run(["git", "worktree", "add", "-q", "--detach", tree, commit], check=True)
            try:
                write_outputs(tree, out, golden)
            finally:
                subprocess.run(["git", "worktree", "remove", "--force", tree], check=True)
            outs.append(out)
        first, second = (files_of(out) for out in outs)
        _, unequal, unreadable = filecmp.cmpfiles(
            outs[0], outs[1], [str(path) for path in sorted(first & second)], shallow=False
        )
        different = [*unequal, *unreadable, *map(str, sorted(first ^ second))]
    for name in different:
        print(f"differs: {name}")
    print(f"{len(first)} and {len(second)} files; {len(different)} differ.")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
