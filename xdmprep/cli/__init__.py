"""The command `xdmprep`: arguments, printing, exit codes.

Exit codes: 0 success; 1 the data has errors; 2 wrong usage, unreadable input, wrong mapping or schema; 3 the platform
could not be reached or refused; 130 interrupted.  Commands load on first use, so that ``--help`` is quick.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn

import click
from click.shell_completion import shell_complete
from click.utils import _expand_args

from ..errors import MappingError, PlatformError, UsageError, XdmPrepError, options_of_command, visible
from . import mistakes, printer, project
from .command import CommandGroup

#: command -> (module below this package, one line of help)
COMMANDS = {
    "init": ("init", "Create a project folder: settings, a drafted mapping, a template for credentials."),
    "demo": ("demo", "Run the whole main job on a bundled sample against a local emulator."),
    "prepare": ("prepare", "Map, check and write a source as files ready for upload."),
    "mend": ("prepare", "Run mended rejects again into a further part of the same output."),
    "validate": ("validate", "Check files against a schema; nothing is written."),
    "diff": ("diff", "Write a Profile patch of what changed between two snapshots."),
    "upload": ("network", "Send prepared files as one batch."),
    "batch": ("network", "Look at a batch, abort it, revert it."),
    "dataset": ("dataset", "Create, show or check a dataset, enable it for patches."),
    "emulate": ("network", "Run the batch ingestion API on this machine."),
    "schema": ("schema", "Show, check, pull or compare schemas."),
    "mapping": ("mapping", "Check, suggest or convert mapping sets."),
    "doctor": ("doctor", "Check the installation and the connection to the platform."),
    "explain": ("explain", "Say what a rule checks, why, and how to correct what it finds."),
}


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the version, and whether the C extension is used."""
    if not asked or context.resilient_parsing:
        return
    from importlib.metadata import version

    from ..kernels.native import IN_USE  # loads numpy and pyarrow, which help does without

    loops = "inner loops compiled" if IN_USE else "inner loops not compiled (slower, all else is the same)"
    printer.show(f"{context.find_root().info_name}, version {version('xdmprep')}, {loops}")
    context.exit()


#: Set by the shell's script while it completes words.
VARIABLE = "_XDMPREP_COMPLETE"


class Lazy(CommandGroup):
    """A group that imports a command's module only when the command is used."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; messages name its options."""
        with options_of_command():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f".{COMMANDS[cmd_name][0]}", __name__)
        command: click.Command = getattr(module, cmd_name)
        if cmd_name != "init" and (file := project.find()) is not None:
            # while the shell completes a word there is nobody to read what is wrong with the file
            with suppress(*([UsageError] if VARIABLE in os.environ else [])):
                content = project.read(file)
                project.known_tables(file, content, COMMANDS)
                given = project.defaults(file, content, command, cmd_name)
                ctx.default_map = {**(ctx.default_map or {}), cmd_name: given}
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from the table, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
              help="Show the version and exit.")  # fmt: skip
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
    sys.unraisablehook = _keep_interrupts
    if not sys.warnoptions and not os.environ.get("XDMPREP_DEBUG"):
        warnings.simplefilter("ignore")  # of libraries, about code that nobody here can change
    try:
        code = run()
    except KeyboardInterrupt:  # a second one, while the first was answered
        code = 130
    with suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _leave(code)


def _keep_interrupts(unraisable: Any) -> None:
    """Send an interrupt again that came inside a finalizer, where Python can only report and forget it."""
    if unraisable.exc_type is KeyboardInterrupt:
        signal.raise_signal(signal.SIGINT)
    elif os.environ.get("XDMPREP_DEBUG"):
        sys.__unraisablehook__(unraisable)


def _leave(code: int) -> NoReturn:
    """End the process as `sys.exit` does, but without freeing object by object what the system frees at once."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command in this process.

    Args:
        arguments: what follows the command's name; None takes those of the process.

    Returns:
        The exit code.  Nothing is raised but a second interrupt, and with ``XDMPREP_DEBUG`` set what was not expected.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None and sys.platform == "win32":  # whose shells leave ~ and globs to programs
        given = _expand_args(given, env=False)
    options = _options(given)
    words = [word for word in options if not word.startswith("-")]
    printer.begin("--json-lines" in options, " ".join(words[:2]), _asks_for_json(given))
    code = _run(given)
    with suppress(printer.ReaderGoneError, XdmPrepError):
        printer.finish(code)
        printer.flush()
    return code


@contextmanager
def _logged(level: str) -> Iterator[None]:
    """While a command runs: print what the library logs, from a level on, on standard error; nothing for no level."""
    if not level:
        yield
        return
    import logging  # most runs do without

    class ForPeople(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            printer.say(self.format(record))

    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise UsageError(f"XDMPREP_LOG is {level!r}. Set it to debug, info, warning or error.")
    log = logging.getLogger("xdmprep")
    handler, before = ForPeople(), log.level
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    log.setLevel(number)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def _run(given: Sequence[str]) -> int:
    try:
        with _logged(os.environ.get("XDMPREP_LOG", "")):
            if instruction := os.environ.get(VARIABLE):
                return shell_complete(xdmprep, {}, "xdmprep", VARIABLE, instruction)
            # not click's `main`, which answers interrupts and errors of the system in its own way
            with xdmprep.make_context("xdmprep", list(given)) as context:
                code = xdmprep.invoke(context)
            printer.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BaseException as error:
        return _refused(error, given)


def _options(given: Sequence[str]) -> Sequence[str]:
    """The words that may be options."""
    return given[: given.index("--")] if "--" in given else given


def _asks_for_json(given: Sequence[str]) -> bool:
    return not {"--json", "--json-lines"}.isdisjoint(_options(given))


def _refused(error: BaseException, given: Sequence[str]) -> int:
    """Say why the command ended without a result; gives the exit code."""
    printer.want_json(_asks_for_json(given))  # also where --json was taken as the value of another option
    if isinstance(error, printer.ReaderGoneError):
        return 0
    if isinstance(error, KeyboardInterrupt | click.Abort):
        printer.refuse("interrupted", "interrupted.", "")
        return 130
    if isinstance(error, click.ClickException):
        text, where = "", "xdmprep"
        if isinstance(error, click.UsageError) and error.ctx is not None:
            where = error.ctx.command_path
            if error.message == (overview := error.ctx.get_help()):  # a group without a command
                printer.refuse("usage", f"{where}: a command is missing.", f"See {where} --help.", text=overview)
                return 2
            text = f"{error.ctx.get_usage()}\nTry '{where} --help' for help.\n\n"
        advice = mistakes.near_choice(error) + mistakes.missing(error, given)
        message = printer.bounded([visible(error.format_message() + advice)])
        printer.refuse("usage", message, f"See {where} --help.", text=f"{text}Error: {message}")
        return 2
    if isinstance(error, XdmPrepError):
        message, hint = mistakes.wrong_kind(error) or printer.split_hint(printer.message_of(error))
        if near := mistakes.near_file(error, given):
            hint = visible(near)
        more: dict[str, Any] = {}
        if isinstance(error, PlatformError):
            message, hint = printer.bounded([visible(error.message)]), visible(error.hint)
            known = {"status": error.status, "platformCode": error.code, "requestId": error.request_id,
                     "batch": error.batch, "file": error.file}  # fmt: skip
            more = {name: value for name, value in known.items() if value is not None}
        elif isinstance(error, MappingError):
            more = {"faults": list(error.faults)}
        printer.refuse(error.kind, message, hint, **more)
        return error.exit_code
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        reason = error.strerror or str(error) or type(error).__name__
        hint = "Make room on the disk." if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        printer.refuse("system", visible(f"{where}{reason}."), hint)
        return 2
    if isinstance(error, MemoryError):
        printer.refuse("memory", "there is not enough memory.", "Give fewer --jobs, or a smaller input.")
        return 2
    if os.environ.get("XDMPREP_DEBUG") or not isinstance(error, Exception):
        raise error
    printer.refuse(
        "internal", f"this should not happen, please report it: {type(error).__name__}: {visible(str(error))[:1000]}",
        "With XDMPREP_DEBUG=1 in the environment the whole trace is shown.",
    )  # fmt: skip
    return 2
