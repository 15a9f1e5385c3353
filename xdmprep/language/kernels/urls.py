"""Kernels on URLs, whose components are groups of regular expressions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import list_parts, offsets_of, ranges, sieved
from ..columns import LONG, TEXT, Column, as_mask, bytes_of, marked, nulls_of, used_bytes
from ..functions.urls import PORTS
from ..shapes import map_of, with_each_key_once
from . import texts
from .choices import element
from .strings import behind
from .table import Made, Rows, kernel, need

_URL = rf"\A[A-Za-z][A-Za-z0-9+.-]*:[^{texts.SPACES}<>\"{{}}|\\^`\x00-\x1f\x7f]*\z"
_HOST = r"\[[0-9A-Fa-f:.]+\]|[^/?#:@\[\]]*"
_USER = "(?:[^/?#@]*@)?"
_AUTHORITY = f"//{_USER}"
#: What a URL has before and in each component.
_PARTS = {
    "scheme": "(?P<part>[^:]*)",
    "host": rf"[^:]*:{_AUTHORITY}(?P<part>{_HOST})",
    "path": rf"[^:]*:(?:{_AUTHORITY}(?:{_HOST})(?::[0-9]*)?)?(?P<part>[^?#]*)",
    "query": r"[^?#]*\?(?P<part>[^#]*)",
    "anchor": "[^#]*#(?P<part>.*)",
}


def _part(urls: pa.Array, name: str) -> pa.Array:
    """A component of URLs; null where it is missing."""
    return _extracted(urls, _PARTS[name])[0]


def _extracted(urls: pa.Array, pattern: str) -> Any:
    """The groups of a pattern at the start of URLs; without users, at whom RE2 is slow, if none has an ``@``."""
    if b"@" not in used_bytes(urls).tobytes():
        pattern = pattern.replace(_USER, "")
    return pc.extract_regex(urls, rf"\A{pattern}").flatten()


def _urls(values: pa.Array) -> pa.Array:
    """The strings that are URLs; null for others."""
    return pc.if_else(pc.match_substring_regex(values, _URL), values, None)


@kernel("get_url_protocol", "text")
def url_protocol(rows: Rows, values: pa.Array) -> pa.Array:
    return texts.lower(_part(_urls(values), "scheme"))


@kernel("get_url_host", "text")
def url_host(rows: Rows, values: pa.Array) -> pa.Array:
    found = _part(_urls(values), "host")
    return pc.if_else(pc.equal(found, ""), None, found)


@kernel("get_url_port", "text")
def url_port(rows: Rows, values: pa.Array) -> pa.Array:
    pattern = rf"(?P<scheme>[^:]*):{_AUTHORITY}(?P<host>{_HOST})(?::(?P<port>[0-9]*))?"
    scheme, host, given = _extracted(_urls(values), pattern)
    odd = pc.or_(pc.equal(given, ""), pc.greater(pc.binary_length(given), 5))
    number = pc.if_else(odd, None, given).cast(LONG)
    number = pc.if_else(pc.less(number, 65536), number, None)
    ports = pa.array(list(PORTS.values()), LONG)
    usual = ports.take(pc.index_in(texts.lower(scheme), value_set=pa.array(list(PORTS), TEXT)))
    return pc.if_else(pc.equal(host, ""), None, pc.if_else(pc.equal(given, ""), usual, number))


@kernel("get_url_path", "text fixed?")
def url_path(rows: Rows, values: pa.Array, full: Any = True) -> pa.Array:
    need(full is None or isinstance(full, bool))
    path = _part(_urls(values), "path")
    if full is False:
        path = pc.replace_substring_regex(path, r"\A.*/", "" if rows.options.path_end == "bare" else "/")
    return path


@kernel("get_url_query_str", "text fixed?")
def url_query(rows: Rows, values: pa.Array, anchor: Any = "retain") -> pa.Array:
    """The query as a map."""
    how = "retain" if anchor is None else anchor.lower() if isinstance(anchor, str) else ""
    need(how in ("retain", "remove", "append") and rows.options.query_repeats == "first")
    urls = _urls(values)
    query = pc.if_else(pc.is_valid(urls), _part(urls, "query").fill_null(""), None)
    fragment = None if how == "remove" else _part(urls, "anchor")
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
            list_parts(behind([(offsets, own), (ends, more)])) for own, more in ((names, keys), (given, fragments))
        )
    return map_of(*with_each_key_once(offsets, names, given), nulls_of(query))


#: Which bytes are coded: all that are not unreserved.
_CODED = np.array([quote(bytes([byte]), safe="") != chr(byte) for byte in range(256)])
_DIGITS = np.frombuffer(b"0123456789ABCDEF", np.uint8)


@kernel("get_url_encoded", "text")
def url_encoded(rows: Rows, values: pa.Array) -> pa.Array:
    """Every byte that is not unreserved as ``%XX``."""
    offsets, data = bytes_of(values)
    data, bounds = data[offsets[0] : offsets[-1]], offsets - offsets[0]
    coded = np.flatnonzero(_CODED[data])
    at, signs = coded + 2 * np.arange(len(coded)), data[coded]
    out, kept = np.empty(len(data) + 2 * len(coded), dtype=np.uint8), np.ones(len(data) + 2 * len(coded), dtype=bool)
    for place, sign in enumerate((ord("%"), _DIGITS[signs >> 4], _DIGITS[signs & 15])):
        out[at + place], kept[at + place] = sign, False
    out[kept] = np.delete(data, coded)
    return texts.made_of(bounds + 2 * np.searchsorted(coded, bounds), out, nulls_of(values))


_HEX = np.full(256, 255, dtype=np.uint8)
for _digit in range(16):
    _HEX[[ord(f"{_digit:x}"), ord(f"{_digit:X}")]] = _digit


@kernel("get_url_decoded", "text")
def url_decoded(rows: Rows, values: pa.Array) -> Made:
    """``%XX`` decoded to bytes; open where these are not UTF-8."""
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
