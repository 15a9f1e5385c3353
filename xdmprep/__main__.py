"""The command, as a program: ``xdmprep`` and ``python -m xdmprep`` both start here.

Loading the command takes a moment, in which Ctrl-C must be answered as later.
"""

from __future__ import annotations

import os


def main() -> None:
    """Run the command and end the process."""
    try:
        from .cli import main as command
    except KeyboardInterrupt:
        os.write(2, b"xdmprep: interrupted.\n")
        os._exit(130)
    command()


if __name__ == "__main__":
    main()
