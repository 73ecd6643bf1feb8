"""The entry point: handlers of signals come before the imports, which take the most of the time of a small command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, and end in one line if Ctrl-C comes before it has begun."""
    try:
        from tokemb_cli import signals

        signals.install()
        from tokemb_cli.main import main as run
    except KeyboardInterrupt:
        from tokemb_cli import signals

        if sys.stderr is not None:
            sys.stderr.write(f"{signals.word()}: nothing was written\n")
        sys.exit(signals.exit_code())
    run()


if __name__ == "__main__":
    main()
