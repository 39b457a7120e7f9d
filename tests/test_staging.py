"""A new folder exists whole or not at all, whenever the process is killed."""

import json
import os
import signal
import sys

import pytest

from painprint.errors import DerivativesError
from painprint.store.files import is_intact, sealed, write_bytes
from painprint.store.lock import Lock
from painprint.store.staging import check_new, remove_remains, write_folder

WHOLE = ["x", "x/b", "x/last", "x/sub", "x/sub/a"]
OPERATIONS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")


def fill(folder):
    (folder / "sub").mkdir()
    (folder / "sub/a").write_text("1")
    (folder / "b").write_text("2")
    (folder / "last").write_text("3")


def names(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def write_killed(root, operation):
    """Write the folder x in another process that is killed before a file operation; True if it
    came to its end."""
    child = os.fork()
    if child == 0:
        count = 0

        def kill_at(event, arguments):
            nonlocal count
            if event in OPERATIONS and str(arguments[0]).startswith(str(root)):
                count += 1
                if count == operation:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill_at)
        try:
            write_folder(root / "x", "key", fill, last="last")
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("exists", [False, True])
def test_killed_at_any_operation_a_folder_is_made_again_or_whole(tmp_path, exists):
    n_killed = 0
    while True:
        root = tmp_path / f"killed{n_killed}"
        root.mkdir()
        if exists:
            (root / "x").mkdir()
        if write_killed(root, n_killed + 1):
            break
        n_killed += 1
        left = names(root)
        if (root / "x" / "last").exists():
            assert set(WHOLE) <= set(left)  # never takes half of it for the whole
        try:
            write_folder(root / "x", "key", fill, last="last")
        except DerivativesError as error:
            assert "is not empty" in str(error) and set(WHOLE) <= set(left)
        assert names(root) == WHOLE
    assert n_killed > 15


def test_remains_beside_a_complete_folder_are_removed(tmp_path):
    write_folder(tmp_path / "x", "key", fill, last="last")
    marker = {"key": "key", "moved": ["b", "last", "sub"]}
    (tmp_path / ".x.unfinished.json").write_text(json.dumps(marker))
    (tmp_path / ".x.new.lock").touch()
    remove_remains(tmp_path / "x", "key")
    assert names(tmp_path) == WHOLE


def test_a_failure_leaves_nothing(tmp_path):
    def fail(folder):
        fill(folder)
        raise OSError(28, "No space left on device", "a")

    with pytest.raises(OSError, match="No space"):
        write_folder(tmp_path / "x", "key", fail, last="last")
    assert names(tmp_path) == []


def test_what_is_not_ours_is_never_removed(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/mine").write_text("1")
    with pytest.raises(DerivativesError, match=r"not empty \(it holds mine\)"):
        write_folder(tmp_path / "x", "key", fill, last="last")
    (tmp_path / ".y.unfinished").mkdir()
    (tmp_path / ".y.unfinished/mine").write_text("1")
    with pytest.raises(DerivativesError, match="in the way"):
        write_folder(tmp_path / "y", "key", fill, last="last")
    (tmp_path / "z").mkdir()
    (tmp_path / "z/.unfinished.json").write_text('{"key": "key", "moved": ["../x/mine"]}')
    with pytest.raises(DerivativesError, match="not empty"):
        write_folder(tmp_path / "z", "key", fill, last="last")
    assert (tmp_path / "x/mine").exists() and (tmp_path / ".y.unfinished/mine").exists()


def test_unfinished_work_of_another_command_is_removed(tmp_path):
    write_killed(tmp_path, 8)
    (tmp_path / ".x.unfinished").mkdir(exist_ok=True)
    (tmp_path / ".x.unfinished.json").write_text('{"key": "other", "moved": []}')
    write_folder(tmp_path / "x", "key", fill, last="last")
    assert names(tmp_path) == WHOLE


def test_a_link_or_file_is_no_new_folder(tmp_path):
    (tmp_path / "a").write_text("")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for name in ("a", "b"):
        with pytest.raises(DerivativesError, match="is not a folder"):
            check_new(tmp_path / name)


def test_lock_files_are_removed_and_unfinished_files_too(tmp_path):
    (tmp_path / "sub-01").mkdir()
    for name in ("sub-01/.a.0.part", ".sub-01.html.0.part", ".sub-01_parcellation.html.0.part"):
        (tmp_path / name).write_text("")
    (tmp_path / ".sub-011.html.0.part").write_text("")  # of somebody who is being written now
    first, second = Lock(tmp_path, "sub-01"), Lock(tmp_path, "sub-01")
    with first.hold(), first.hold():
        assert names(tmp_path) == [".sub-01.lock", ".sub-011.html.0.part", "sub-01"]
        with pytest.raises(DerivativesError, match="another process is working on it"):
            second.hold().__enter__()
    assert names(tmp_path) == [".sub-011.html.0.part", "sub-01"]
    with second.hold():
        pass


def test_files_have_the_permissions_of_the_user(tmp_path):
    before = os.umask(0o077)
    try:
        write_bytes(tmp_path / "private", b"")
        os.umask(0o022)
        write_bytes(tmp_path / "shared", b"")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("private", "shared")]
    assert modes == [0o600, 0o644]


def test_a_seal_tells_every_change():
    written = sealed({"a": 1.5, "b": {"c": [1, None]}})
    assert is_intact(written)
    for changed in ({**written, "a": 1.6}, {**written, "d": 0}, {"a": 1.5}, {}, {"sha256": None}):
        assert not is_intact(changed)
