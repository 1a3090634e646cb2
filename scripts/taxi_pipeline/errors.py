"""The one kind of error that a user sees: what is concerned, why it failed, and the way out."""

from collections.abc import Iterable

from taxi_pipeline.addresses import has_scheme, public_address, redact
from taxi_pipeline.texts import on_one_line, plural, shortened

_LONGEST_SUBJECT = 1000
"""Characters of a subject that are printed; a longer one is cut in the middle."""

_SUBJECTS_NAMED = 20
"""How many subjects of one fault are named."""

MEANINGS = {
    0: "done",
    1: "the data fail; trying again changes nothing",
    2: "it could not be done; try again",
    3: "not published yet; wait",
    130: "interrupted",
    143: "interrupted",
}
"""What an exit code says to a scheduler."""

_DECIDES = (2, 1, 3, 0)
"""Of several exit codes the first of these: another attempt does what it can, and leaves what it cannot mend."""


def deciding(exit_codes: Iterable[int]) -> int:
    """The exit code of a command of which parts ended with these; 0 where there are none."""
    return min(exit_codes, key=_DECIDES.index, default=0)


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
        subject = shortened(subject, _LONGEST_SUBJECT)
        self.subject, self.reason, self.remedy = (
            on_one_line(redact(text)) for text in (subject, reason, remedy)
        )
        super().__init__(self.about(self.subject))

    def about(self, subject: str) -> str:
        """The sentence of this fault, with another subject."""
        return f"{subject}: {self.reason}. {self.remedy[:1].upper()}{self.remedy[1:]}."


class DataError(TaxiError):
    """The data are at fault, and trying again will not help; exit code 1."""

    exit_code = 1


class NotPublishedError(TaxiError):
    """The publisher does not have the month yet; exit code 3: wait."""

    exit_code = 3


def sentences(errors: Iterable[TaxiError]) -> list[str]:
    """One sentence per fault, in the order of their first; what many files have in common is said once.

    A server that is out of reach fails every file in the same words.
    """
    alike: dict[tuple[str, str], list[TaxiError]] = {}
    for error in errors:
        alike.setdefault((error.reason, error.remedy), []).append(error)
    return [group[0].about(_named([error.subject for error in group])) for group in alike.values()]


def _named(subjects: list[str]) -> str:
    """All of them, since each is to be found in what a command prints; of hundreds the first."""
    more = len(subjects) - _SUBJECTS_NAMED
    named = ", ".join(subjects[:_SUBJECTS_NAMED])
    return f"{named} and {plural(more, 'other')}" if more > 0 else named
