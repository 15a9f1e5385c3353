"""Options that several commands share, and the types of their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.documents import is_file
from ..core.remote import STANDARD_INPUT, is_url
from ..errors import NoRowsError, UsageError
from . import complete
from .command import gathered, option_name, was_given

if TYPE_CHECKING:
    import pyarrow as pa

    from ..core.stream import Stream
    from ..read import CsvOptions, ExcelOptions


class PathType(click.Path):
    """A path as a Path; with `places` a URL, which a Path would change, and ``-`` as texts."""

    def __init__(self, places: bool) -> None:
        super().__init__(path_type=Path, allow_dash=places)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value for the command."""
        if value == "":  # of a variable that is not set; a Path would make the working folder of it
            self.fail("the path is empty.", param, ctx)
        if isinstance(value, str) and self.allow_dash and (value == STANDARD_INPUT or is_url(value)):
            return value
        return super().convert(value, param, ctx)


#: A source, schema or mapping set: a path, a URL, or ``-``.
PLACE = PathType(places=True)
#: A file or folder of this machine.
FILE = PathType(places=False)

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
JSON_LINES = click.option(
    "--json-lines", is_flag=True, help="Print events as they happen, one JSON object a line; the last has the result."
)
SCHEMA = click.option("--schema", "-s", required=True, type=PLACE, help="XDM schema, JSON.")
OUT = click.option("--out", "-o", required=True, type=FILE, help="Folder for what is written.")
RULES = click.option(
    "--rules", default="strict", show_default=True, shell_complete=complete.rule_sets,
    help="Rule set: strict, batch or jsonschema.",
)  # fmt: skip
STRICT = click.option("--strict", is_flag=True, help="Also set a row aside if a value does not fit its field's type.")
MAX_LOSS = click.option(
    "--max-loss", type=click.FloatRange(0, 100), default=50.0, show_default=True, metavar="PCT",
    help="End with 1 if a field loses more than PCT % of its values; 100 turns this off.",
)  # fmt: skip
MAX_BYTES = click.option("--max-bytes", type=int, help="Largest part, in bytes.  [default: 240000000]")
JOBS = click.option("--jobs", "-j", type=click.IntRange(0), help="Worker threads.  [default: one per core]")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace another run's output in the folder.")
HIDE_VALUES = click.option(
    "--hide-values", is_flag=True, help="Show no values of the data on the terminal, in --json and in --report."
)
PROGRESS = click.option(
    "--progress/--no-progress", "bar", default=None, help="Show a progress bar.  [default: on a terminal]"
)
OUTPUT_FORMAT = click.option(
    "--output-format", type=click.Choice(["text", "github"]), default="text", show_default=True,
    help="github: findings as annotations of a GitHub workflow.",
)  # fmt: skip
SET = click.option(
    "--set", "values", multiple=True, metavar="NAME=VALUE",
    help="The value of a placeholder ${NAME} of the mapping; may be repeated.",
)  # fmt: skip


@dataclass(frozen=True)
class SourceOptions:
    """The options of a command for CSV files and Excel books."""

    delimiter: str | None
    quote: str
    encoding: str
    nulls: tuple[str, ...]
    sheet: str | None
    header_row: int | None

    def csv(self, sources: Sequence[Path | str], names: str | None = None) -> CsvOptions:
        """How CSV sources are written; `names` are those of the columns, with commas between, without a header."""
        from ..read import CsvOptions

        _refuse_without_csv(sources)
        return CsvOptions(
            delimiter="\t" if self.delimiter in ("tab", "\\t") else self.delimiter, quote=self.quote,
            encoding=self.encoding, names=tuple(name.strip() for name in names.split(",")) if names else None,
            null_values=("", *self.nulls),
        )  # fmt: skip

    def excel(self, sources: Sequence[Path | str]) -> ExcelOptions | None:
        """Which sheet of Excel sources is read, and where its header is."""
        from ..read import ExcelOptions, is_excel

        if self.sheet is None and self.header_row is None:
            return None
        if all(is_file(one) and not is_excel(one) for one in sources):
            option = "--header-row" if self.sheet is None else "--sheet"
            raise UsageError(f"{option} is for Excel books, and {sources[0]} is none. Leave {option} out.")
        return ExcelOptions(self.sheet, self.header_row)

    def open(self, source: Path | str) -> Stream:
        """A source, read so."""
        from ..read import open_source

        return open_source(source, self.csv([source]), self.excel([source]))

    def columns(self, source: Path | str | None) -> pa.Schema | None:
        """The columns of a source, which need not have rows; None for no source."""
        try:
            return None if source is None else self.open(source).arrow_schema
        except NoRowsError as error:
            if error.columns is None:
                raise
            return error.columns

    def words(self) -> list[str]:
        """The options as they were given, to be repeated in a next command."""
        ctx = click.get_current_context()
        words: list[str] = []
        for option in ctx.command.params:
            if option.name in vars(self) and was_given(ctx, option.name):
                value = ctx.params[option.name]
                for one in value if isinstance(value, tuple) else (value,):
                    words += [option.opts[0], str(one)]
        return words


#: The options for CSV files and Excel books; the command gets them as `reading`.
source_options = gathered(SourceOptions, "reading", (
    click.option(
        "--delimiter",
        help="Delimiter of CSV sources: one character, or 'tab'.  [default: a tab for .tsv and .tab, else a comma]",
    ),
    click.option("--quote", default='"', help="Quote character of CSV sources."),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of CSV sources."),
    click.option(
        "--null", "nulls", multiple=True, help="A string that means 'no value' in CSV sources; may be repeated."
    ),
    click.option("--sheet", help="Name or number of the sheet of an Excel source.  [default: the first visible]"),
    click.option(
        "--header-row", type=click.IntRange(1),
        help="Header row of an Excel source.  [default: the first that is not empty]",
    ),
))  # fmt: skip


#: Options for CSV files, of which the others are not.
OF_CSV = ("delimiter", "quote", "encoding", "nulls", "names")


def _refuse_without_csv(sources: Sequence[Path | str]) -> None:
    """Refuse an option for CSV files where no source is one."""
    from ..read.several import kind_of

    if not all(is_file(one) and kind_of(Path(one)) not in ("CSV", None) for one in sources):
        return
    ctx = click.get_current_context()
    for parameter in OF_CSV:
        if was_given(ctx, parameter):
            name = option_name(ctx, parameter)
            raise UsageError(f"{name} is for CSV files, and {sources[0]} is none. Leave {name} out.")


def named_values(texts: tuple[str, ...]) -> dict[str, str]:
    """The values of ``--set`` by their names; UsageError where one has no name, or a name has two values."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {text!r}: expected NAME=VALUE.")
        if found.setdefault(name.strip(), value) != value:
            raise UsageError(f"--set gives {name.strip()!r} two values.")
    return found


def filled_mapping(path: Path | str | None, texts: tuple[str, ...]) -> Any:
    """The mapping file with the values of ``--set`` for its placeholders; without values the path as it is.

    Raises:
        UsageError: there are values and no mapping, or they are not written NAME=VALUE.
        MappingError: the file is no mapping set, or has no such placeholder.
    """
    if not texts:
        return path
    if path is None:
        raise UsageError("--set fills placeholders of a mapping; give --mapping with it.")
    from ..mapping import MappingSet

    return MappingSet.load(path, values=named_values(texts))
