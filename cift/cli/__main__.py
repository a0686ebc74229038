"""`python -m cift.cli`, the same as `cift`."""

from cift.cli.app import main

main()
