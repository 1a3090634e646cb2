"""The one kind of error that a user sees: what is concerned, why it failed, and the way out."""


class TaxiError(Exception):
    """A fault that the user can act on; printed as one line, exit code 2.

    Args:
        subject: what is concerned, usually a file name or a command.
        reason: what is wrong with it, as a clause without a full stop.
        remedy: what to do about it, as an imperative without a full stop.
    """

    exit_code = 2

    def __init__(self, subject: str, reason: str, remedy: str) -> None:
        self.subject = subject
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{subject}: {reason}. {remedy[:1].upper()}{remedy[1:]}.")
