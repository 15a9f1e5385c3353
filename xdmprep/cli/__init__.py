"""The command `xdmprep`: arguments, printing, exit codes.

Exit codes: 0 fine; 1 the data has faults; 2 wrong use, unreadable input, wrong mapping or schema; 3 the platform could
not be reached or refused; 130 interrupted.  Commands load on first use, so that ``--help`` is quick.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

from ..errors import XdmPrepError
from ..native import compiled

#: command -> (module below this package, one line of help)
COMMANDS = {
    "demo": ("demo", "Run the whole main job on a bundled sample against a local emulator."),
    "prepare": ("prepare", "Map, check and write a source as files ready for upload."),
    "mend": ("mend", "Run mended rejects again into a further part of the same output."),
    "validate": ("validate", "Check files against a schema; nothing is written."),
    "diff": ("diff", "Write a Profile patch of what changed between two snapshots."),
    "upload": ("network", "Send prepared files as one batch."),
    "batch": ("network", "Look at a batch, abort it, revert it."),
    "dataset": ("dataset", "Create, show or check a dataset, enable it for patches."),
    "emulate": ("network", "Run the batch ingestion API on this machine."),
    "schema": ("schema", "Show, check, pull or compare schemas."),
    "mapping": ("mapping", "Check, suggest or convert mapping sets."),
    "explain": ("explain", "Say what a rule checks, why, and how to correct what it finds."),
}


#: What ``--version`` says of the installation.
LOOPS = "inner loops compiled" if compiled is not None else "inner loops not compiled (slower, all else is the same)"


class Lazy(click.Group):
    """A group that imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f".{COMMANDS[cmd_name][0]}", __name__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from the table, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xdmprep", message=f"%(prog)s, version %(version)s, {LOOPS}")
def xdmprep() -> None:
    """CSV files and DataFrames to validated XDM records, and on to Adobe Experience Platform in batches.

    \b
    Examples:
      xdmprep demo
      xdmprep prepare crm.csv --mapping crm.mapping.yaml --schema crm.schema.json --out out/
      xdmprep upload out/ --dataset 5deac2648a19d218a888d2b1 --config config.json --wait
    """


def main() -> None:
    """Run the command; every error is one clear message and an exit code, never a traceback."""
    # imports make 100,000 objects that stay; looking through them every 700 costs a short run 10 % of its time
    gc.set_threshold(100_000, 20, 20)
    # numpy's linear algebra, which no command uses, would start a thread a core that spins for a tenth of a second
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _leave(_run())


def _leave(code: int) -> NoReturn:
    """End the process as `sys.exit` does, but without freeing object by object what the system frees at once."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(code)


def _run() -> int:
    try:
        code = xdmprep.main(standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except XdmPrepError as error:
        click.echo(f"xdmprep: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has gone, as in `xdmprep ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("XDMPREP_DEBUG"):
            raise
        click.echo(
            f"xdmprep: this should not happen, please report it: {type(error).__name__}: {error} "
            "(with XDMPREP_DEBUG=1 in the environment the whole trace is shown).",
            err=True,
        )
        return 2
