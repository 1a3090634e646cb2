"""Members of a consumer group in processes of their own, and how they die: where they are told to, as by SIGKILL."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

POINTS = ("decoded", "drafted", "created", "recorded", "letters")
"""Where a member can be told to die: rows in memory; a file written aside; a file that nothing names; a batch that
counts and of which the group knows nothing; dead letters sent, and their batch not written."""

_DIE_AT = """
import os, signal
point, left = os.environ["DIE_AT"].split(":")
left = int(left)

def dying(where, function):
    def call(*arguments, **named):
        global left
        answer = function(*arguments, **named)
        if where == point:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return call

import taxi_pipeline.stream.consume as consume
from taxi_pipeline.lake import storage, stream_log
import pyarrow.parquet as pq
consume.rows_of = dying("decoded", consume.rows_of)
pq.write_table = dying("drafted", pq.write_table)
storage.FolderStorage.create = dying("created", storage.FolderStorage.create)
stream_log.StreamLog.append = dying("recorded", stream_log.StreamLog.append)
consume.StreamIngest._send_letters = dying("letters", consume.StreamIngest._send_letters)
"""


@dataclass
class Member:
    """A running `taxi stream ingest`."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def wait(self, seconds: float = 120) -> int:
        """Its exit code; negative where a signal has ended it."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(self.log.read_text()) from None

    def end(self, number: signal.Signals) -> int:
        """Send it a signal, and wait."""
        self.process.send_signal(number)
        return self.wait(60)


def start_member(
    environment: Mapping[str, str],
    folder: Path,
    *options: str,
    die_at: str = "",
) -> Member:
    """Start one.

    Args:
        environment: of `taxi`.
        folder: for what it prints.
        options: of the command.
        die_at: a point and how often it is passed first, such as ``created:2``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"member-{len(list(folder.glob('member-*')))}.log"
    code = (_DIE_AT if die_at else "") + (
        "import sys\nfrom taxi_pipeline.cli import main\nsys.argv = ['taxi', *sys.argv[1:]]\nmain()"
    )
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", code, "stream", "ingest", *options],
            env={**os.environ, **environment, "DIE_AT": die_at},
            stdout=stream,
            stderr=stream,
        )
    return Member(process, log)
