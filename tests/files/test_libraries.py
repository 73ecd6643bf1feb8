"""Loading of shared libraries in advance."""

import subprocess
import sys

import pytest

from tokemb.files.libraries import load_library

# Load pyarrow's library, and print how many files of Arrow are mapped and whether pyarrow was imported.
LOAD = """
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from tokemb.files.libraries import load_library
load_library("pyarrow", f"lib{EXTENSION_SUFFIXES[0]}")
with open("/proc/self/maps") as maps:
    print("libarrow.so" in maps.read(), "pyarrow" in sys.modules)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the mapped files as Linux lists them")
def test_a_library_is_loaded_without_its_package():
    run = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    assert run.stdout == "True False\n"


@pytest.mark.parametrize("package", ["pyarrow", "no_package_has_this_name"])
def test_a_library_that_does_not_exist_is_left_to_the_import(package):
    load_library(package, "no", "library.so")
