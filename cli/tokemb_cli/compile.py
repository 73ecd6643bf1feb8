"""``tokemb compile``."""

from __future__ import annotations

from time import perf_counter

import click

from tokemb_cli.console import note


@click.command("compile")
def command() -> None:
    """Compile all kernels for this machine, so that no later command waits for a compilation.

    Without this command, each kernel is compiled when it is first used, which takes up to half a minute. The machine
    code is saved beside the package, or in the user's cache folder if the package folder is read-only. The environment
    variable TOKEMB_CACHE_DIR selects another folder. In a container image, run this command once, on a
    machine with the same type of processor as those that will run the image.

    \b
    Example:
      tokemb compile
    """
    from tokemb.kernels.compile_all import compile_all

    began = perf_counter()
    files = compile_all()
    note(f"compiled   {files} kernels ready in {perf_counter() - began:.1f} s")
