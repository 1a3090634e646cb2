"""Alerts: what failed, in one sentence, with the tables of the failing rows; to the log, and to a webhook."""

import json
import logging
import os
import urllib.request
from collections.abc import Mapping

ALERT_URL = "TAXI_ALERT_URL"
"""The variable with the address of a webhook; it may hold a secret, so it is never logged."""

_SECONDS = 10

_log = logging.getLogger("taxi.alert")


def alert(where: str, said: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Log an alert, and post it as ``{"text": ...}`` where TAXI_ALERT_URL names a webhook.

    A webhook that cannot be reached changes nothing else: it is logged.

    Args:
        where: the flow and the task, such as ``taxi_monthly, validate, 2024-01``.
        said: the text of a ``StepError``, or of another exception.
        environment: where the address is.

    Returns:
        Whether a webhook has taken it.
    """
    text = f"{where}: {said}"
    _log.error("%s", text)
    address = environment.get(ALERT_URL, "").strip()
    if not address:
        return False
    if not address.startswith(("https://", "http://")):
        _log.error("%s is no http or https address: the alert was not sent", ALERT_URL)
        return False
    try:
        request = urllib.request.Request(  # noqa: S310 - checked above
            address,
            json.dumps({"text": text}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
            return True
    except (OSError, ValueError) as error:  # an HTTPError's text has no address in it
        reason = getattr(error, "reason", None) or type(error).__name__
        _log.error("the webhook of %s did not take the alert: %s", ALERT_URL, reason)
        return False
