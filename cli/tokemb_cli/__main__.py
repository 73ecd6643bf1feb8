"""``python -m tokemb_cli``: the command without an installed entry point."""

from tokemb_cli.main import main

main()
