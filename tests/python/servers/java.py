"""Java 17 or newer, which Spark and Flink need; where root may, it is installed from the distribution."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

OLDEST = 17
PACKAGE = "openjdk-17-jre-headless"
SHORT_LIVED = (
    "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -XX:MetaspaceSize=256m"
)
"""For little data and a minute or two: more than half of such a process's time is optimizing what it runs. With the
quick compiler alone Java reserves so small a cache of code that it sweeps it all the time."""
_WAIT = ("-o", "DPkg::Lock::Timeout=600")  # another worker may be installing something else


@cache
def find_java() -> Path | None:
    """Java of ``JAVA_HOME`` or on the path; None where there is none that is new enough."""
    if (found := _installed()) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (
            ["update", "-qq"],
            ["install", "-y", "-qq", "--no-install-recommends", PACKAGE],
        ):
            subprocess.run(["apt-get", *_WAIT, *command], check=False, stdout=subprocess.DEVNULL)
        found = _installed()
    return found


def _installed() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        return None
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    return Path(java) if version and int(version[1]) >= OLDEST else None
