"""The one kind of error that a user sees: what is concerned, why it failed, and the way out."""

import re

from taxi_pipeline.addresses import has_scheme, public_address, redact

_LONGEST_SUBJECT = 1000
"""Characters of a subject that are printed; a longer one is cut in the middle."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class TaxiError(Exception):
    """A fault that the user can act on; printed as one line, exit code 2: it could not be done.

    What cannot be printed on one line is escaped, and secrets in addresses are left out: a fault may carry any text
    that a user, a file or a server has given.

    Args:
        subject: what is concerned, usually a file name or a command.
        reason: what is wrong with it, as a clause without a full stop.
        remedy: what to do about it, as an imperative without a full stop.
    """

    exit_code = 2

    def __init__(self, subject: str, reason: str, remedy: str) -> None:
        subject = public_address(subject) if has_scheme(subject) else subject
        if len(subject) > _LONGEST_SUBJECT:
            half = _LONGEST_SUBJECT // 2
            subject = f"{subject[:half]}...{subject[-half:]}"
        self.subject, self.reason, self.remedy = (
            _printable(redact(text)) for text in (subject, reason, remedy)
        )
        super().__init__(
            f"{self.subject}: {self.reason}. {self.remedy[:1].upper()}{self.remedy[1:]}."
        )


class DataError(TaxiError):
    """The data are at fault, and trying again will not help; exit code 1."""

    exit_code = 1


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
