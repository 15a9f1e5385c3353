"""What every implementation of the kernels offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from .arrays import Offsets, Positions
from .csv_arrow import Aside, CsvForm
from .json_columns import JsonNode, Parsed
from .json_plain import Elements
from .walk import TextColumn, TextRun, Walk

Data = Any  #: anything with the buffer protocol: bytes, memoryview, numpy array, Arrow buffer


@dataclass(frozen=True)
class Automaton:
    """A table of states: uint8 (states, 256), the next state by byte; `accepting` is 1 where a text matches."""

    table: np.ndarray[Any, np.dtype[np.uint8]]
    accepting: np.ndarray[Any, np.dtype[np.uint8]]


class Kernels(Protocol):
    """The inner loops.  All implementations give the same results, except where a text says otherwise.

    Text columns are plain Arrow string arrays (int32 offsets), of any offset and with or without nulls.
    """

    def is_utf8(self, data: Data, /) -> bool:
        """Whether `data` is UTF-8."""

    def count_lines(self, data: Data, /) -> int:
        """Number of line ends: line feeds, carriage returns, and both together as one."""

    def memory(self, size: int, /) -> Any:
        """Bytes that may hold anything; where it is faster, in memory that blocks before have left."""

    def line_ends(self, data: Data, size: int, /) -> Positions:
        """Where each line of ``data[:size]`` ends; 64 zero bytes must follow. The last line may lack a line feed."""

    def split_array(self, data: Data, /) -> Elements:
        """Where the elements end in a piece of a JSON array, at whose start one begins."""

    def last_record_end(self, text: Data, start: int, stop: int, final: bool, delimiter: str, quote: str, /) -> int:
        """The end of the last whole CSV record in ``text[start:stop]``, `start` if there is none.

        Args:
            text: the text.
            start: offset in bytes; a record begins there.
            stop: offset in bytes.
            final: the text ends at `stop`, so that the last record needs no line end.
            delimiter: one ASCII character.
            quote: one ASCII character.

        Returns:
            An offset in bytes from `start` to `stop`.
        """

    def parse_csv(
        self, data: memoryview | bytes, form: CsvForm, names: Sequence[str], stops: Sequence[int] = (), /
    ) -> tuple[pa.RecordBatch, Aside, Positions]:
        """Whole CSV records as columns.

        Args:
            data: their text.
            form: how it is written.
            names: the columns that are wanted.
            stops: ascending offsets, each behind the line end of a record.

        Returns:
            The columns, the records that cannot be rows, and how many records begin before each of `stops`.
        """

    def parse_json(
        self, data: Data, starts: Positions, ends: Positions, tree: JsonNode, purpose: int, elements: bool, /
    ) -> Parsed:
        """Records of JSON as columns.  Records that are not taken are named; which ones these are may differ.

        Args:
            data: uint8 array: the records, with at least 64 zero bytes behind them.
            starts: where they begin.
            ends: where they end; one byte or more is between two of them.
            tree: where values go; an object.
            purpose: :data:`.json_columns.CHECK`, `MAPPED` or `LEARN`.
            elements: they are elements of an array, which may have line breaks between their tokens.

        Returns:
            The columns of `tree`, and the records that were not taken.
        """

    def text_sizes(self, array: pa.Array, nulls: bool = False, /) -> tuple[int, int]:
        """The least and greatest number of bytes of the texts, or (0, 0); `nulls`: what lies behind them may count."""

    def take_texts(self, array: pa.Array, places: Offsets, /) -> pa.Array:
        """The texts at `places` (int32) of a plain string column, as Arrow's ``take``; IndexError outside it."""

    def object_texts(
        self, objects: np.ndarray[Any, np.dtype[np.object_]], missing: tuple[Any, ...], /
    ) -> pa.Array | None:
        """Python strings as a text column; None where it cannot be made of them quickly.

        That is so where anything else is among them, half a surrogate pair, or 2 GB or more.

        Args:
            objects: one dimension.
            missing: objects that are null, beside None and NaN.
        """

    def object_types(self, objects: np.ndarray[Any, np.dtype[np.object_]], /) -> set[type]:
        """The types of Python objects, of one dimension."""

    def dict_columns(
        self, rows: list[dict[str, Any]], names: tuple[str, ...], /
    ) -> np.ndarray[Any, np.dtype[np.object_]] | None:
        """The values of dicts, with a line of the array for each name; None where a row has other keys."""

    def are_texts(self, objects: np.ndarray[Any, np.dtype[np.object_]], missing: tuple[Any, ...], /) -> bool:
        """Whether there is a string, and nothing beside strings and what is null for :meth:`object_texts`.

        Half a surrogate pair may be among them.
        """

    def number_texts(self, array: pa.Array, /) -> tuple[np.ndarray[Any, np.dtype[np.int32]], int]:
        """An int32 a text, equal for equal ones, from 0 by first appearance; and how many. Each null has its own."""

    def order_groups(self, codes: Offsets, count: int, /) -> tuple[Offsets | None, Positions]:
        """The order that brings equal codes together, each group in the order of its rows; where the groups begin.

        Args:
            codes: int32 (n,), from 0 up to `count`.
            count: how many groups there are.

        Returns:
            int32 (n,), or None if the codes are sorted; int64 (count + 1,).

        Raises:
            ValueError: a code is not below `count`.
        """

    def hash_texts(self, array: pa.Array, /) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """uint64 (n,): equal for equal texts, 0 for nulls; the same in both implementations."""

    def not_accepted(self, array: pa.Array, automaton: Automaton, /) -> Positions | None:
        """Positions of the texts that an automaton does not accept; None for none.  Any others may be among them."""

    def printed_otherwise(self, texts: pa.Array, whole: bool, /) -> Positions:
        """Positions of the texts that JSON may print differently once they are read as numbers; nulls are none.

        A decimal fraction of at most 15 digits without a needless zero is printed as it is, since no other fraction
        that short is the same double; this holds from 0.1 to 999,999,999, since very small and large numbers get an
        exponent.  Implementations may name more texts than they must.

        Args:
            texts: what is not null can be read as such a number.
            whole: the numbers are integers, not doubles.
        """

    def print_times(self, millis: pa.Array, /) -> pa.Array:
        """RFC 3339 in UTC of milliseconds since 1970 (int64); three digits where they are no whole seconds."""

    def escape(self, column: pa.Array, /) -> pa.Array:
        """Texts with JSON's escapes."""

    def join(
        self,
        walk: Walk,
        values: Sequence[TextColumn],
        n: int,
        keep: np.ndarray[Any, np.dtype[np.bool_]] | None,
        around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None,
        starts: bool,
        /,
    ) -> TextRun:
        """The text of n rows along the leaves that are present.

        Args:
            walk: the leaves.
            values: one per leaf.
            n: number of rows.
            keep: bool (n,); None means all.
            around: int32 (n,) twice: the literals before and behind each row.
            starts: whether the offsets of the rows are wanted; otherwise there are none.

        Returns:
            UTF-8 bytes, and n + 1 int32 offsets of the rows in them; no offsets unless `starts`.
        """

    def write(self, file: int, data: Data, piece: int, /) -> None:
        """Write all of `data` to a file descriptor, at most `piece` bytes at a time."""
