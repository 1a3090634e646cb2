"""A need that a machine lacks is a skip, or a failure where it is required."""

import pytest

from requirements import VARIABLE, lacking, required


def test_what_is_lacking_is_a_skip_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "postgres")
    with pytest.raises(pytest.skip.Exception, match="there is no browser"):
        lacking("chromium", "there is no browser")


def test_what_is_required_and_lacking_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "postgres, chromium")
    with pytest.raises(pytest.fail.Exception, match="names chromium: there is no browser"):
        lacking("chromium", "there is no browser")


def test_a_need_that_no_test_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "postgres,chrome")
    with pytest.raises(pytest.UsageError, match="chrome is none of postgres, bigquery"):
        required()
