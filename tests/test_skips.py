"""A test that needs what is absent is skipped; --fail-on-skip says which skips are expected."""

from pathlib import Path

import pytest

pytest_plugins = "pytester"
# the skip and the expected failure below are what is tested: pytester runs them, not this suite
TESTS = """
    import pytest

    @pytest.mark.needs("array-api")
    def test_needs_what_is_never_here(): ...

    def test_skips_itself():
        pytest.skip("no reason")  # the skip that --fail-on-skip must find

    @pytest.mark.xfail(strict=True)  # an expected failure, which is no skip
    def test_is_expected_to_fail():
        raise AssertionError

    def test_passes(): ...
"""


@pytest.fixture
def checked(pytester):
    """Outcomes of four small tests under this folder's conftest, with options."""
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]")  # no configuration of a folder above
    return lambda *options: pytester.runpytest(*options, "-p", "no:cacheprovider")


def test_skips_are_no_failures_unless_asked(checked):
    result = checked()
    result.assert_outcomes(passed=1, skipped=2, xfailed=1)
    assert result.ret == 0


def test_an_unexpected_skip_fails_and_gives_its_reason(checked):
    result = checked("--fail-on-skip", "golden,array-api")
    result.assert_outcomes(passed=1, skipped=1, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*does not allow it: Skipped: no reason"])
    assert result.ret == 1


def test_with_nothing_listed_every_skip_fails(checked):
    checked("--fail-on-skip=").assert_outcomes(passed=1, failed=1, errors=1, xfailed=1)


def test_a_module_that_is_skipped_fails_too(checked, pytester):
    pytester.makepyfile(test_absent='import pytest\npytest.importorskip("not_a_module")')
    result = checked("--fail-on-skip", "array-api", "test_absent.py")
    result.assert_outcomes(errors=1)


def test_a_need_that_nobody_knows_is_refused(checked):
    assert checked("--fail-on-skip", "chrome").ret == pytest.ExitCode.USAGE_ERROR
