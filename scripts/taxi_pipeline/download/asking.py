"""Ask a publisher what it has, several files at a time, without transferring any."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from taxi_pipeline.download.origin import Origin, content_length
from taxi_pipeline.download.transfer import TIMEOUT_SECONDS, connection_error

AT_ONCE = 8
"""Requests under way at one time."""


@dataclass(frozen=True)
class Reply:
    """What a publisher says of one file.

    Attributes:
        status: of HTTP; None where it was not reached.
        origin: which file it has; None where it has none.
        reason: why it was not reached, as a clause; None where it was.
    """

    status: int | None = None
    origin: Origin | None = None
    reason: str | None = None


def ask(urls: Sequence[str], on_reply: Callable[[int], object] = lambda _done: None) -> list[Reply]:
    """Send a HEAD request for each file; once one gets no connection, the others are not waited for.

    Args:
        urls: http or https addresses.
        on_reply: called with the number of files that are done, from several threads.

    Returns:
        A reply for each address, in their order.
    """
    sessions = threading.local()
    lock = threading.Lock()
    unreached: list[str] = []
    done = 0

    def one(url: str) -> Reply:
        nonlocal done
        if not hasattr(sessions, "session"):
            sessions.session = requests.Session()
        reply = Reply(reason=unreached[0]) if unreached else _head(sessions.session, url)
        with lock:
            done += 1
            if reply.reason is not None:
                unreached.append(reply.reason)
            on_reply(done)
        return reply

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, urls))


def _head(session: requests.Session, url: str) -> Reply:
    try:
        response = session.head(
            url,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=True,
            headers={"Accept-Encoding": "identity"},
        )
    except (requests.ConnectionError, requests.Timeout) as fault:
        return Reply(reason=connection_error(fault, url).reason)
    except (requests.RequestException, ValueError) as fault:
        return Reply(reason=f"the answer cannot be read ({type(fault).__name__})")
    headers = response.headers
    origin = Origin.of(headers, url, content_length(headers)) if response.ok else None
    return Reply(response.status_code, origin)
