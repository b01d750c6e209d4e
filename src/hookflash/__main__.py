"""``python -m hookflash`` is the command line."""

from hookflash.cli import main

if __name__ == "__main__":
    main()
