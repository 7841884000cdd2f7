"""python -m bodycopy: the command line."""

from bodycopy.cli import main

main()
