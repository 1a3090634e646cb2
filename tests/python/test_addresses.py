"""Addresses show no secrets, wherever they stand."""

import pytest

from taxi_pipeline.addresses import is_url, public_address, redact
from taxi_pipeline.errors import TaxiError


def test_urls_are_told_from_paths() -> None:
    assert is_url("https://host/x")
    assert is_url("HTTP://host/x")
    assert not is_url("http/x.csv")
    assert not is_url("/data/https://x")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://host:8300/a/b.csv", "http://host:8300/a/b.csv"),
        ("https://host/a@b/c.csv", "https://host/a@b/c.csv"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://bob:SECRET@host:8300/x.csv", "http://host:8300/x.csv"),
        ("http://SECRET@host/x.csv", "http://host/x.csv"),
        ("http://bob:SEC@RET@host/x.csv", "http://host/x.csv"),
        ("http://bob:SEC/RET@host/x.csv", "http://host/x.csv"),
        ("http://bob:SEC RET@host/x.csv", "http://host/x.csv"),
        ("http://bob:SECRET@[::1/x.csv", "http://[::1/x.csv"),
        ("http://bob:SECRET", "http://..."),
        ("https://host/x.csv?sig=SECRET&X-Amz-Signature=SECRET", "https://host/x.csv?..."),
        ("https://host/x.csv#token=SECRET", "https://host/x.csv?..."),
        ("https://host/x.csv;jsessionid=SECRET", "https://host/x.csv?..."),
        ("https://host?SECRET", "https://host?..."),
        ("postgresql://bob:SECRET@host/db", "postgresql://host/db"),
    ],
)
def test_what_is_secret_in_an_address_is_left_out(address: str, shown: str) -> None:
    assert public_address(address) == shown
    error = TaxiError(address, "it is odd", "check it")
    assert error.subject == shown
    assert "SEC" not in str(error)
    if " " not in address:
        assert "SEC" not in redact(f"Failed: {address} (twice)")
        assert "SEC" not in str(TaxiError("x", f"no answer from {address}", f"check {address}"))


def test_a_password_behind_a_mistyped_scheme_is_left_out() -> None:
    error = TaxiError("http:/bob:SECRET@host/x.csv", "there is no such file", "check the path")
    assert error.subject == "http:/host/x.csv"


def test_an_error_is_one_printable_line_whatever_it_names() -> None:
    error = TaxiError("a\nb\udcff\x1b[31m", "it has\r\nline ends", "do\x00so")
    assert str(error) == "a\\nb\\udcff\\x1b[31m: it has\\r\\nline ends. Do\\x00so."
    assert len(TaxiError("x" * 5_000, "it is long", "shorten it").subject) < 1_100
