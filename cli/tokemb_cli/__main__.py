"""The entry point. It installs signal handlers before the imports, which take most of the time of a small command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command. Ctrl-C during the imports ends it with one line."""
    try:
        from tokemb_cli import signals

        signals.install()
        from tokemb_cli.main import main as run
    except KeyboardInterrupt:
        from tokemb_cli import signals

        if sys.stderr is not None:
            sys.stderr.write(f"{signals.describe()}: nothing was written\n")
        sys.exit(signals.exit_code())
    run()


if __name__ == "__main__":
    main()
