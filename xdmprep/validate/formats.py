"""The formats of JSON Schema draft-07 that are asserted, as functions on one string.

Where the public validators (jsonschema, ajv, jsonschema-rs) agree, so do these; where they differ, the choice is the
stricter reading of the RFC, and xdmprep/docs/validation.md names it.  `SCREENS` holds an ECMA-262 expression per format
that matches valid strings only: columns are matched with it first, and only the other strings are checked one by one.
A format that is not here (such as ``url``) is not asserted, as the standard requires.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from functools import cache
from unicodedata import bidirectional, normalize

from ..regex import is_ecma

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?([zZ]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])")
_LEAP = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]):60(?:\.[0-9]+)?(?:[zZ]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))")
_ATOM = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~-"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST_TEXT = rf"{_LABEL}(?:\.{_LABEL})*"
_HOST = re.compile(_HOST_TEXT)
_POINTER_TEXT = r"(?:/(?:[^/~]|~[01])*)*"
_POINTER = re.compile(_POINTER_TEXT, re.DOTALL)
_RELATIVE_POINTER = re.compile(rf"(?:0|[1-9][0-9]*)(?:#|{_POINTER_TEXT})", re.DOTALL)
_BEYOND_ASCII = "\u0080-\ud7ff\ue000-\U0010ffff"
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_HOST_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")

# RFC 3986, appendix A, with the host in brackets checked apart; `wide` adds the letters of RFC 3987, `private` those
# that it allows in a query only.
_WIDE = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane)}-{chr(plane + 0xFFFD)}" for plane in range(0x10000, 0xF0000, 0x10000)
)
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"


@cache
def _reference(wide: str = "", private: str = "") -> re.Pattern[str]:
    char = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@{wide}-]|%[0-9A-Fa-f]{{2}})"
    segment_without_colon = rf"(?:[A-Za-z0-9._~!$&'()*+,;=@{wide}-]|%[0-9A-Fa-f]{{2}})+"
    user = rf"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:{wide}-]|%[0-9A-Fa-f]{{2}})*@)?"
    name = rf"(?:[A-Za-z0-9._~!$&'()*+,;={wide}-]|%[0-9A-Fa-f]{{2}})*"
    authority = rf"//{user}(?:\[(?P<ip>[^\]]*)\]|{name})(?::[0-9]*)?(?:/{char}*)*"
    rooted = rf"/(?:{char}+(?:/{char}*)*)?"
    after = rf"(?:\?(?:{char}|[/?{private}])*)?(?:\#(?:{char}|[/?])*)?"
    scheme = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:)"
    with_scheme = rf"{scheme}(?:{authority}|{rooted}|{char}+(?:/{char}*)*|)"
    without = rf"(?:{authority.replace('?P<ip>', '?P<ip2>')}|{rooted}|{segment_without_colon}(?:/{char}*)*|)"
    return re.compile(rf"(?:{with_scheme}|{without}){after}")


_IP_FUTURE = re.compile(r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+")


def _is_reference(text: str, absolute: bool, *letters: str) -> bool:
    match = _reference(*letters).fullmatch(text)
    if match is None or (absolute and not match["scheme"]):
        return False
    literal = match["ip"] if match["ip"] is not None else match["ip2"]
    return literal is None or is_ipv6(literal) or _IP_FUTURE.fullmatch(literal) is not None


def _reads(text: str, reader: Callable[[str], object]) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True


def is_date(text: str) -> bool:
    """``YYYY-MM-DD``, a day that exists, years 0001 to 9999."""
    return _DATE.fullmatch(text) is not None and _reads(text, date.fromisoformat)


def is_time(text: str) -> bool:
    """RFC 3339 full-time: with seconds and offset; a leap second only at the end of a day in UTC."""
    if _TIME.fullmatch(text) is not None:
        return True
    leap = _LEAP.fullmatch(text)
    if leap is None:
        return False
    hours, minutes, sign, more_hours, more_minutes = leap.groups()
    shift = int(more_hours or 0) * 60 + int(more_minutes or 0)
    return (int(hours) * 60 + int(minutes) + (shift if sign == "-" else -shift)) % 1440 == 1439


def is_date_time(text: str) -> bool:
    """RFC 3339 date-time: date, ``T``, time with offset; no leap seconds."""
    return text[10:11] in ("T", "t") and is_date(text[:10]) and _TIME.fullmatch(text, 11) is not None


def is_ipv4(text: str) -> bool:
    """Four decimal numbers without leading zeros."""
    return text.isascii() and _reads(text, ipaddress.IPv4Address)


def is_ipv6(text: str) -> bool:
    """RFC 4291 text form, without a zone."""
    return "%" not in text and text.isascii() and _reads(text, ipaddress.IPv6Address)


@cache
def _mailbox(wide: str) -> re.Pattern[str]:
    quoted = rf'"(?:[ !#-\[\]-~{wide}]|\\[ -~])*"'
    local = rf"[{wide}{_ATOM}]+(?:\.[{wide}{_ATOM}]+)*|{quoted}"
    return re.compile(rf"(?P<local>{local})@(?:\[(?P<literal>[^\]]*)\]|(?P<host>[^\[]*))")


def _is_mailbox(text: str, is_host: Callable[[str], bool], wide: str = "") -> bool:
    """RFC 5321 mailbox: atoms or a quoted string at a host or an address in brackets; `wide` are further letters."""
    match = _mailbox(wide).fullmatch(text)
    if match is None or len(match["local"].encode()) > 64:
        return False
    if (literal := match["literal"]) is not None:
        return is_ipv6(literal[5:]) if literal[:5].lower() == "ipv6:" else is_ipv4(literal)
    return is_host(match["host"])


def is_hostname(text: str) -> bool:
    """RFC 1123 host name of at most 253 characters; names in Punycode stand for a name that IDNA 2008 allows."""
    labels = text.split(".")
    return (
        0 < len(text) <= 253
        and all(_HOST_LABEL.fullmatch(label) for label in labels)
        and ("--" not in text or all(_is_alabel(label) for label in labels if label[:4].lower() == "xn--"))
    )


def _is_alabel(label: str) -> bool:
    import idna

    try:
        return bool(idna.alabel(idna.ulabel(label)) == label.lower().encode())
    except (idna.IDNAError, UnicodeError, IndexError, ValueError):
        return False


def is_idn_hostname(text: str) -> bool:
    """RFC 5890 host name, in letters of any script."""
    import idna

    labels = _DOTS.split(text)
    try:
        idna.encode(text)
        if any(ord(char) > 127 and bidirectional(char) in ("R", "AL", "AN") for char in text):
            for label in labels:
                idna.check_bidi(idna.ulabel(label), check_ltr=True)
    except (idna.IDNAError, UnicodeError, IndexError, ValueError):
        return False
    return all(labels)


@cache
def _uri_template() -> re.Pattern[str]:
    escape = "%[0-9A-Fa-f]{2}"
    literal = rf"(?:[!#$&'(-;=?-\[\]_a-z~{_WIDE}{_PRIVATE}]|{escape})"
    name = rf"(?:[A-Za-z0-9_]|{escape})(?:\.?(?:[A-Za-z0-9_]|{escape}))*"
    variable = rf"{name}(?::[1-9][0-9]{{0,3}}|\*)?"
    return re.compile(rf"(?:{literal}|\{{[+#./;?&=,!@|]?{variable}(?:,{variable})*\}})*")


def _whole(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


FORMATS: dict[str, Callable[[str], bool]] = {
    "date": is_date,
    "date-time": is_date_time,
    "time": is_time,
    "email": lambda text: _is_mailbox(text, lambda host: _HOST.fullmatch(host) is not None),  # RFC 5321
    "uri": lambda text: _is_reference(text, True),  # RFC 3986, with a scheme
    "uri-reference": lambda text: _is_reference(text, False),
    "iri": lambda text: _is_reference(text, True, _WIDE, _PRIVATE),  # RFC 3987, with a scheme
    "iri-reference": lambda text: _is_reference(text, False, _WIDE, _PRIVATE),
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "hostname": is_hostname,
    "idn-hostname": is_idn_hostname,
    "json-pointer": _whole(_POINTER),  # RFC 6901
    "relative-json-pointer": _whole(_RELATIVE_POINTER),  # the Internet draft that draft-07 names
    "uri-template": lambda text: _uri_template().fullmatch(text) is not None,  # RFC 6570
    "regex": is_ecma,
    "idn-email": lambda text: _is_mailbox(
        text, lambda host: is_idn_hostname(normalize("NFC", host)), _BEYOND_ASCII
    ),  # RFC 6531
}  # fmt: skip

_DAY_SCREEN = (
    r"[1-9][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_TIME_SCREEN = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"

SCREENS: dict[str, str] = {
    "date": rf"^{_DAY_SCREEN}$",
    "date-time": rf"^{_DAY_SCREEN}T{_TIME_SCREEN}$",
    "time": rf"^{_TIME_SCREEN}$",
    "email": rf"^[{_ATOM}]{{1,20}}(?:\.[{_ATOM}]{{1,20}}){{0,2}}@{_HOST_TEXT}$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:(?://)?[A-Za-z0-9._~/?&=;,+-]+$",
    "uri-reference": r"^[A-Za-z0-9._~/-]*$",
    "hostname": r"^[A-Za-z0-9]{1,20}(?:\.[A-Za-z0-9]{1,20}){0,2}$",
}

#: What a format looks like, for hints.
EXAMPLES: dict[str, str] = {
    "date": "1979-01-03",
    "date-time": "2019-05-15T20:20:39+00:00",
    "time": "20:20:39Z",
    "email": "name@example.com",
    "uri": "https://example.com/page",
    "uri-reference": "pages/start",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "www.example.com",
}
