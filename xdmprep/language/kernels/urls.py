"""Kernels on URLs, whose components are byte spans between delimiters."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import list_parts, offsets_of, ranges, sieved
from ..columns import LONG, TEXT, Column, Mask, as_mask, bytes_of, marked, nulls_of, plain, some
from ..functions.urls import PORTS
from ..shapes import map_of, with_each_key_once
from . import texts
from .choices import element
from .collections import behind
from .table import Made, Rows, kernel, need

_SPACES = r"\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_ILLEGAL = rf'\s<>"{{}}|\\^`\x00-\x1f\x7f{_SPACES}'
_URL = rf"\A[A-Za-z][A-Za-z0-9+.-]*:[^{_ILLEGAL}]*\z"


_FAR = 2**62  # behind every place


class Urls:
    """Byte positions of the components of URLs.

    Attributes:
        odd: strings with brackets before the path, which the interpreter takes apart.
        valid: which strings are URLs.
    """

    def __init__(self, values: pa.Array) -> None:
        self.odd = some(as_mask(pc.match_substring_regex(values, r"\A[^:/?#]*://[^/?#]*[\[\]]")))
        self.valid = as_mask(pc.match_substring_regex(values, _URL))
        offsets, data = bytes_of(values)
        self._data = data[offsets[0] : offsets[-1]]
        bounds = (offsets - offsets[0]).astype(np.int64)
        self._starts, self._ends = bounds[:-1], bounds[1:]
        self._hits: dict[str, Any] = {}

    def _next(self, mark: str, starts: Any, ends: Any) -> Any:
        """The first position of a mark between `starts` and `ends`; `ends` where there is none."""
        hits = self._hits.get(mark)
        if hits is None:
            hits = self._hits[mark] = np.append(np.flatnonzero(self._data == ord(mark)), _FAR)
        return np.minimum(hits[np.searchsorted(hits, starts)], ends)

    def span(self, name: str) -> tuple[Any, Any, Mask]:
        """Start and end of a component, and a mask of the rows that have it."""
        colon, anchor = (self._next(mark, self._starts, self._ends) for mark in ":#")
        query = self._next("?", self._starts, anchor)
        if name == "scheme":
            return self._starts, colon, self.valid
        if name == "anchor":
            return anchor + 1, self._ends, self.valid & (anchor < self._ends)
        if name == "query":
            return query + 1, anchor, self.valid & (query < anchor)
        padded = np.append(self._data, [0, 0, 0])
        marked = self.valid & (colon + 2 < self._ends)
        marked &= (padded[colon + 1] == ord("/")) & (padded[colon + 2] == ord("/"))
        first = np.minimum(colon + 3, query)
        slash = self._next("/", first, query)
        at = self._next("@", first, slash)
        host = np.where(at < slash, at + 1, first)
        end = np.minimum(self._next(":", host, slash), self._next("@", host, slash))
        if name == "host":
            return host, end, marked
        digits = (self._data - np.uint8(48)) < 10
        others = np.append(np.flatnonzero(~digits), _FAR)
        ported = marked & (end < slash) & (padded[np.minimum(end, len(self._data))] == ord(":"))
        after = np.minimum(others[np.searchsorted(others, end + 1)], slash)
        if name == "port":
            return end + 1, after, ported
        path = np.where(ported, after, np.where(marked, end, np.minimum(colon + 1, query)))
        if name == "path":
            return path, query, self.valid
        hits = self._hits["/"]
        last = np.append(-1, hits)[np.searchsorted(hits, query)]
        return np.where(last >= path, last + (name == "end"), path), query, self.valid

    def part(self, name: str) -> pa.Array:
        """A component as text; null where it is missing."""
        starts, ends, there = self.span(name)
        lengths = np.where(there, ends - starts, 0)
        offsets = offsets_of(lengths)
        return texts.made_of(offsets, self._data[ranges(starts, lengths)], ~there)


@kernel("get_url_protocol", "text")
def url_protocol(rows: Rows, value: Column) -> Made:
    urls = Urls(plain(value.values))
    return Column(texts.lower(urls.part("scheme")), urls.odd)


@kernel("get_url_host", "text")
def url_host(rows: Rows, value: Column) -> Made:
    urls = Urls(plain(value.values))
    found = urls.part("host")
    return Column(pc.if_else(pc.equal(found, ""), None, found), urls.odd)


@kernel("get_url_port", "text")
def url_port(rows: Rows, value: Column) -> Made:
    urls = Urls(plain(value.values))
    starts, ends, there = urls.span("host")
    there = there & (ends > starts)
    given = urls.part("port")
    long = as_mask(pc.greater(pc.binary_length(given), 5))
    number = pc.if_else(pa.array(long | as_mask(pc.equal(given, ""))), None, given).cast(LONG)
    number = pc.if_else(pc.less(number, 65536), number, None)
    scheme = texts.lower(urls.part("scheme"))
    usual = pa.array(list(PORTS.values()), LONG).take(pc.index_in(scheme, value_set=pa.array(list(PORTS), TEXT)))
    without = as_mask(pc.equal(given, "").fill_null(True))
    return Column(pc.if_else(pa.array(there), pc.if_else(pa.array(without), usual, number), None), urls.odd)


@kernel("get_url_path", "text fixed?")
def url_path(rows: Rows, value: Column, full: Any = True) -> Made:
    need(full is None or isinstance(full, bool))
    urls = Urls(plain(value.values))
    if full is False:
        return Column(urls.part("end" if rows.options.path_end == "bare" else "slashed end"), urls.odd)
    return Column(urls.part("path"), urls.odd)


@kernel("get_url_query_str", "text fixed?")
def url_query(rows: Rows, value: Column, anchor: Any = "retain") -> Made:
    """The query as a map."""
    how = "retain" if anchor is None else anchor.lower() if isinstance(anchor, str) else ""
    need(how in ("retain", "remove", "append") and rows.options.query_repeats == "first")
    urls = Urls(plain(value.values))
    query = pc.if_else(pa.array(urls.valid), urls.part("query").fill_null(""), None)
    fragment = None if how == "remove" else urls.part("anchor")
    if how == "retain":
        kept = pc.binary_join_element_wise("#", fragment, "", null_handling="emit_null")
        kept = pc.if_else(pc.equal(query, ""), "", kept.fill_null(""))
        query = pc.binary_join_element_wise(query, kept, "")
    offsets, pairs = list_parts(pc.split_pattern(query, "&"))
    filled = as_mask(pc.not_equal(pairs, ""))
    offsets, pairs = sieved(offsets, filled, pairs)
    both = pc.split_pattern(pairs, "=", max_splits=1)
    names, given = element(both, 0).values, element(both, 1).values.fill_null("")
    offsets, names, given = with_each_key_once(offsets, names, given, last=False)
    if fragment is not None and how == "append":
        ends = offsets_of(~nulls_of(fragment))
        fragments = fragment.drop_null()
        keys = pa.repeat(pa.scalar("_anchor_", TEXT), len(fragments))
        (offsets, names), (_, given) = (
            list_parts(behind(rows.n, [(offsets, own), (ends, more)]))
            for own, more in ((names, keys), (given, fragments))
        )
    return Column(map_of(*with_each_key_once(offsets, names, given), nulls_of(query)), urls.odd)


#: Which bytes are coded: all that are not unreserved.
_CODED = np.array([quote(bytes([byte]), safe="") != chr(byte) for byte in range(256)])
_DIGITS = np.frombuffer(b"0123456789ABCDEF", np.uint8)


@kernel("get_url_encoded", "text")
def url_encoded(rows: Rows, value: Column) -> Made:
    """Every byte that is not unreserved as ``%XX``."""
    values = plain(value.values)
    offsets, data = bytes_of(values)
    data, bounds = data[offsets[0] : offsets[-1]], offsets - offsets[0]
    coded = np.flatnonzero(_CODED[data])
    at, signs = coded + 2 * np.arange(len(coded)), data[coded]
    out, kept = np.empty(len(data) + 2 * len(coded), dtype=np.uint8), np.ones(len(data) + 2 * len(coded), dtype=bool)
    for place, sign in enumerate((ord("%"), _DIGITS[signs >> 4], _DIGITS[signs & 15])):
        out[at + place], kept[at + place] = sign, False
    out[kept] = np.delete(data, coded)
    return Column(texts.made_of(bounds + 2 * np.searchsorted(coded, bounds), out, nulls_of(values)))


_HEX = np.full(256, 255, dtype=np.uint8)
for _digit in range(16):
    _HEX[[ord(f"{_digit:x}"), ord(f"{_digit:X}")]] = _digit


@kernel("get_url_decoded", "text")
def url_decoded(rows: Rows, value: Column) -> Made:
    """``%XX`` decoded to bytes; open where these are not UTF-8."""
    values = plain(value.values)
    offsets, data = bytes_of(values)
    first = int(offsets[0])
    data = data[first : offsets[-1]]
    coded = np.flatnonzero(data == ord("%"))
    if not len(coded):
        return Column(values)
    padded = np.append(data, [0, 0])
    high, low = _HEX[padded[coded + 1]], _HEX[padded[coded + 2]]
    owners = np.searchsorted(offsets - first, coded, side="right") - 1
    real = (high < 16) & (low < 16) & (coded + 2 < (offsets - first)[owners + 1])
    coded, owners, made = coded[real], owners[real], (high[real] << 4) | low[real]
    odd = marked(rows.n, owners[made > 127])
    out = data.copy()
    out[coded] = made
    kept = np.ones(len(data), dtype=bool)
    kept[coded + 1] = kept[coded + 2] = False
    ends = offsets_of(kept)[offsets - first]
    made_texts = texts.made_of(ends, out[kept], nulls_of(values))
    if odd.any():
        try:
            made_texts.validate(full=True)
        except pa.ArrowInvalid:  # the bytes of some are none of UTF-8: of all that are coded the interpreter says
            sizes = np.where(odd, 0, np.diff(ends))
            return Column(
                texts.made_of(offsets_of(sizes), out[kept][ranges(ends[:-1], sizes)], nulls_of(values) | odd), odd
            )
    return Column(made_texts)
