"""A Spark session for the command line, and its Java runtime."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from tokemb.errors import MissingPackageError

OLDEST_JAVA = 17
_REMEDY = (
    f"install Java {OLDEST_JAVA} or newer (apt-get install openjdk-17-jre-headless, or conda install openjdk=17), "
    "or set JAVA_HOME to one"
)


@contextmanager
def open_session(master: str | None = None) -> Iterator[SparkSession]:
    """Yield the active session, as under ``spark-submit``, or start one and stop it after the block.

    Args:
        master: The URL of the cluster. ``None`` uses Spark's configuration, or all cores of this machine.

    Raises:
        MissingPackageError: If there is no Java that Spark can use.
    """
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    require_java()
    if master is None or master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # a cluster uses the Python of its nodes
    builder = SparkSession.builder.appName("tokemb")
    session = (builder if master is None else builder.master(master)).getOrCreate()
    session.sparkContext.setLogLevel("FATAL")  # errors of tasks are raised, and need no traceback of Java as well
    try:
        yield session
    finally:
        session.stop()


def require_java() -> None:
    """Check that there is a Java that Spark can use.

    Raises:
        MissingPackageError: If there is none. The message says how to install one.
    """
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if java is None or not os.access(java, os.X_OK):
        reason = f"JAVA_HOME is {home}, where there is none" if home else "there is none"
        raise MissingPackageError(f"Spark needs Java, and {reason}: {_REMEDY}")
    version_output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', version_output)
    if version is None or int(version[1]) < OLDEST_JAVA:
        problem = f"is Java {version[1]}" if version else "reports no version"
        raise MissingPackageError(f"Spark needs Java {OLDEST_JAVA} or newer, and {java} {problem}: {_REMEDY}")
