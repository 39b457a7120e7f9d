"""What surrounds a command: no home that can be written, signals, closed streams, odd folders."""

import ctypes
import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import QUICK

import painprint
from painprint.apps.arguments import UsageError
from painprint.apps.folders import check_folders
from painprint.apps.participants import describe_failure
from painprint.cli import main
from painprint.compiled import kernel
from painprint.evidence.stages import STAGES
from painprint.store.files import write_bytes

PACKAGE = Path(painprint.__file__).parent
CAPABILITIES = {"DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2}
PR_CAPBSET_DROP = 24
TIME = r"\d\d:\d\d:\d\d "
"""Before each line of the log at the terminal."""


def untimed(text):
    """The lines of a log without their times."""
    return [re.fullmatch(rf"(?:{TIME})?(.*)", line)[1] for line in text.splitlines()]


def _obey_permissions():
    """Take from root, in a process that is about to start, the right to write everywhere."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in CAPABILITIES.values():
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")


def start(*words, env=(), **options):
    command = [sys.executable, "-m", "painprint", *map(str, words)]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **dict(env)}
    return subprocess.Popen(command, env=environment, **{**piped, **options})


def finish(process):
    said = process.communicate(timeout=120)
    return process.returncode, *said


def signature_and_run(decoded):
    (signature,) = decoded.glob("sub-01/decoding/*_signature")
    runs = sorted((decoded.parent / "bids" / "derivatives").rglob("*_timeseries.tsv"))
    return signature, runs[0]


# no home


def test_help_report_and_predict_load_no_numba(copy_of_decoded, decoded):
    signature, run = signature_and_run(decoded)
    for words in (["--help"], ["report", copy_of_decoded], ["predict", signature, run]):
        code = (
            "import sys; from painprint.cli import main; "
            f"code = main({list(map(str, words))}); sys.exit(code or 3 * ('numba' in sys.modules))"
        )
        env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True)
        assert done.returncode == 0, (words, done.stderr)


@pytest.mark.long
def test_a_study_needs_no_home_and_no_package_that_can_be_written(decoded, tmp_path):
    bids = decoded.parent / "bids"
    package = shutil.copytree(
        PACKAGE, tmp_path / "lib" / "painprint", ignore=shutil.ignore_patterns("__pycache__")
    )
    home = tmp_path / "home"
    home.mkdir()
    for folder in (home, *(path for path in (package, *package.rglob("*")) if path.is_dir())):
        folder.chmod(0o555)
    env = {"HOME": str(home), "PYTHONPATH": str(tmp_path / "lib"), "TMPDIR": str(tmp_path)}
    cleared = {name: "" for name in os.environ if name.startswith(("XDG_", "MPL", "NUMBA_"))}
    options = {"env": {**cleared, **env}, "preexec_fn": _obey_permissions, "cwd": tmp_path}
    stages = [name for name in STAGES if name not in ("null", "importance")]  # these have kernels
    few = ("--n-bootstraps", "100", "--n-permutations", "19", "--n-importance-permutations", "50")
    out = tmp_path / "out"
    signature, run = signature_and_run(decoded)
    for words in (
        ("simulate", "new", "--sessions", "3", "--n-regions", "8"),
        ("run", bids, out, "participant", *few, "--skip", *stages),
        ("report", out),
        ("predict", signature, run, "--out", "reading"),
    ):
        code, _, said = finish(start(*words, **options))
        assert code == 0, said
        ours = rf"{TIME}(INFO|WARNING) (sub-01|ses-\w+|reading|report|simulate)[_:]"
        assert all(re.match(ours, line) for line in said.splitlines()), said
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"lib", "home", "new", "out", "reading"}  # nothing is left of any cache
    assert not list(home.iterdir()) and not list(package.rglob("__pycache__"))
    for path in (home, *package.rglob("*"), package):
        path.chmod(0o755)
    again = ["run", bids, tmp_path / "same", "participant", *few, "--skip", *stages]
    assert main([*map(str, again)]) == 0
    tables = list((tmp_path / "same" / "sub-01" / "decoding").rglob("*.tsv"))
    assert len(tables) > 5
    for path in tables:
        twin = out / path.relative_to(tmp_path / "same")
        assert path.read_bytes() == twin.read_bytes(), path.name


@kernel()
def _double(x):
    return 2 * x


@kernel(nogil=True)
def _quadruple(x):
    return _double(_double(x))


def test_a_kernel_whose_cache_fails_is_compiled_without():
    assert _quadruple(3.0) == 12.0

    def on_full_disk(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    _quadruple._compiled = on_full_disk
    assert _quadruple(4.0) == 16.0
    assert _quadruple._compiled is not on_full_disk


# signals


@pytest.mark.parametrize(
    ("number", "twice"), [(signal.SIGINT, False), (signal.SIGTERM, True), (signal.SIGHUP, False)]
)
def test_a_signal_ends_a_study_with_one_line_and_its_code(number, twice, decoded, tmp_path):
    out = tmp_path / "out"
    stages = [name for name in STAGES if name != "null"]
    words = ["run", decoded.parent / "bids", out, "participant", "--n-jobs", "2", "--skip", *stages]
    many = ["--n-permutations", "100000", "--n-bootstraps", "100"]
    process = start(*words, *many, start_new_session=True)
    while not list(out.glob("sub-01/**/*_training.safetensors")):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(2)  # amid the permutations
    process.send_signal(number)
    if twice:
        process.send_signal(number)
    code, _, rest = finish(process)
    assert code == 128 + number
    (line,) = [line for line in untimed(rest) if not line.startswith(("INFO ", "WARNING "))]
    assert line == "sub-01: stopped after stage 2 of 4; run the same command again to continue."
    log = (out / "logs" / "painprint.log").read_text().splitlines()
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d {TIME}WARNING {re.escape(line)}", log[-1])
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # no child is left


def test_a_simulation_that_was_stopped_says_that_nothing_was_kept(tmp_path):
    process = start("simulate", tmp_path / "people", "--sessions", "60", "60", "--n-regions", "80")
    while not list(tmp_path.rglob("*_timeseries.tsv")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    code, _, rest = finish(process)
    assert (code, untimed(rest)[-1]) == (130, "simulate: stopped; nothing was kept.")
    assert not (tmp_path / "people").exists()


def test_a_signal_while_modules_are_imported_is_one_line_too(tmp_path):
    slow = tmp_path / "cyclopts.py"
    slow.write_text("import sys, time; print('importing', flush=True); time.sleep(60)")
    env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{PACKAGE.parent}"}
    process = start("--help", env=env)
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    code, _, said = finish(process)
    assert (code, said) == (130, "stopped; run the same command again to continue.\n")


def test_a_signal_that_is_ignored_from_the_start_stays_ignored(tmp_path):
    (tmp_path / "cyclopts.py").write_text(
        "import os, signal; os.kill(os.getpid(), signal.SIGHUP); print('here', flush=True)\n"
        "raise SystemExit(0)"
    )
    env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{PACKAGE.parent}"}
    process = start(
        "--help", env=env, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    assert finish(process) == (0, "here\n", "")


# streams


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_command_does_its_work_with_closed_streams(closed, decoded, tmp_path):
    signature, run = signature_and_run(decoded)

    def close():
        for number in closed:
            os.close(number)

    process = start("predict", signature, run, "--out", tmp_path / "new", preexec_fn=close)
    code, table, _ = finish(process)
    assert code == 0
    assert (tmp_path / "new" / "reading.tsv").is_file()
    assert (1 in closed) == (table == "")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], []])
def test_output_that_nobody_reads_is_no_error(words):
    reading, writing = os.pipe()
    os.close(reading)
    code, _, said = finish(start(*words, stdout=writing))
    os.close(writing)
    assert (code, said) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_output_to_a_full_disk_is_said(decoded):
    signature, run = signature_and_run(decoded)
    for words in (["--help"], ["predict", signature, run]):
        with open("/dev/full", "w") as full:
            code, _, said = finish(start(*words, stdout=full))
        assert code == 1
        assert said.splitlines()[-1].startswith("painprint: standard output: No space left on dev")
        assert "Traceback" not in said


# folders


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("bids", "is an input too"),
        ("bids/sub-01", "is inside .*sub-01, where inputs are found"),
        ("bids/sub-01/ses-1/out", "is inside .*sub-01, where inputs are found"),
        ("bids/results", "is inside .*bids, where inputs are found"),
        ("bids/code/derivatives/out", "is inside .*bids, where inputs are found"),
        ("link/sub-01/out", "is inside .*sub-01, where inputs are found"),
        ("bids/derivatives/xcp_d/new", "is inside .*xcp_d, where inputs are found"),
        ("above", r"the input .*bids is inside .*sub-09, where results go"),
        ("other", "is another dataset .Pain at rest., whose description would be overwritten"),
    ],
)
def test_results_are_not_written_among_inputs(out, said, tmp_path):
    bids, xcp_d = tmp_path / "bids", tmp_path / "bids" / "derivatives" / "xcp_d"
    xcp_d.mkdir(parents=True)
    (tmp_path / "link").symlink_to(bids)
    (tmp_path / "other").mkdir()
    description = {"Name": "Pain at rest", "BIDSVersion": "1.10.0"}
    (tmp_path / "other" / "dataset_description.json").write_text(json.dumps(description))
    if out == "above":
        bids = tmp_path / "above" / "sub-09" / "bids"
        bids.mkdir(parents=True)
    with pytest.raises(UsageError, match=said):
        check_folders(bids, tmp_path / out, [xcp_d])


def test_usual_places_of_results_are_not_refused(decoded, tmp_path):
    bids, xcp_d = tmp_path / "bids", tmp_path / "bids" / "derivatives" / "xcp_d"
    xcp_d.mkdir(parents=True)
    for out in (tmp_path / "out", tmp_path, bids / "derivatives" / "painprint"):
        check_folders(bids, out, [xcp_d])
    check_folders(bids, bids / "derivatives" / "painprint", [bids])
    check_folders(bids, bids / "derivatives" / "painprint", [bids / "derivatives"])
    check_folders(bids, decoded, [xcp_d])  # results of before


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("file", "file: it is not a folder"),
        ("file/out", "file is not a folder"),
        ("loop", "loop is a link to loop, where there is nothing"),
        ("dangling/out", "dangling is a link to nowhere, where there is nothing"),
    ],
)
def test_an_output_folder_that_cannot_be_one_is_refused(out, said, decoded, tmp_path, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    bids, before = decoded.parent / "bids", sorted(tmp_path.iterdir())
    signature, run = signature_and_run(decoded)
    for words in (
        ["run", bids, tmp_path / out, "participant"],
        ["report", tmp_path / out],
        ["predict", signature, run, "--out", tmp_path / out],
        ["simulate", tmp_path / out],
    ):
        assert main([*map(str, words)]) == 1
        (line,) = untimed(capsys.readouterr().err)
        assert line.startswith(f"ERROR cannot write to {tmp_path / out}: ") and said in line
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_without_permission_is_refused_before_the_work(decoded, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o555)
    words = ("run", decoded.parent / "bids", tmp_path / "out", "participant", *QUICK)
    code, _, said = finish(start(*words, preexec_fn=_obey_permissions))
    assert code == 1
    assert untimed(said) == [
        f"ERROR cannot write to {tmp_path / 'out'}: there is no permission to write in "
        f"{tmp_path / 'out'}. Choose another folder."
    ]
    words = ("rate", tmp_path / "out", "--participant-label", "01")
    code, _, rated = finish(start(*words, preexec_fn=_obey_permissions))
    assert (code, untimed(rated)) == (1, untimed(said))


@pytest.mark.parametrize(
    "words",
    [
        ["run", "no", "out", "participant"],
        ["run", "bids", "out", "group"],
        ["run", "bids", "out", "participant", "--participant-label", "9"],
        ["run", "bids", "out", "participant", "--task-id", "none"],
        ["parcellate", "bids", "out", "participant", "--derivatives", "bids/derivatives/xcp_d"],
        ["learn", "no", "bids", "out"],
    ],
)
def test_nothing_is_made_before_the_inputs_are_found(words, decoded, tmp_path, monkeypatch, capsys):
    (tmp_path / "bids").symlink_to(decoded.parent / "bids")
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    assert untimed(capsys.readouterr().err)[0].startswith("ERROR ")
    assert not (tmp_path / "out").exists()


def test_a_log_that_cannot_be_written_is_said_once_and_stops_nothing(decoded, tmp_path, capsys):
    log = tmp_path / "out" / "logs" / "painprint.log"
    log.mkdir(parents=True)
    bids, out = decoded.parent / "bids", tmp_path / "out"
    assert main(["run", str(bids), str(out), "participant", *QUICK]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if str(log) in line]
    assert said == [f"WARNING {log}: Is a directory; no log file is written."]
    assert (out / "sub-01.html").is_file()


def test_a_disk_that_is_full_is_said_with_the_file(copy_of_decoded, decoded, tmp_path, capsys):
    """A limit on the size of files stands for the disk: its error names no file either."""
    signature, run = signature_and_run(decoded)
    bids, limits = decoded.parent / "bids", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        for words in (
            ["run", bids, tmp_path / "new", "participant", *QUICK],
            ["predict", signature, run, "--out", tmp_path / "reading"],
            ["report", copy_of_decoded],
            ["simulate", tmp_path / "people", "--sessions", "3", "--n-regions", "8"],
        ):
            assert main([*map(str, words)]) == 1
            lines = [x for x in untimed(capsys.readouterr().err) if x.startswith("ERROR")]
            assert re.match(rf"ERROR {tmp_path}\S+: File too large\. ", lines[0]), lines
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_errors_of_the_file_system_have_a_file_and_a_remedy(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught:
        write_bytes(tmp_path / "a.tsv", b"1")
    assert describe_failure(caught.value) == (
        f"{tmp_path / 'a.tsv'}: No space left on device. Free some space and run the same command "
        "again: finished steps are kept."
    )
    locked = OSError(errno.ENOLCK, "No locks available", "out/logs/sub-01.lock")
    assert describe_failure(locked).startswith(
        "out/logs/sub-01.lock: No locks available. Choose a folder on a file system that can lock"
    )
