"""The encoding of a text that is not UTF-8, told by its letters.

Each encoding is tried with the alphabets of the languages that are written in it: a text is taken for one if all its
letters beyond ASCII belong to one language, signs do not stand inside of words, and no capital follows a small letter.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import partial

from .. import kernels

#: Lines that an encoding is told by.
_LINES = 2_000
_WESTERN = (
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúñüªº", "ãáàâçéêíóôõúüªº", "åäöæøéüà", "àèéìíîòóùú", "áðéíóúýþæö", "àçéèíïóòúüŀ",
    "éëïóöüáèê", "áéíóúàèìòù",
)  # fmt: skip
_CENTRAL = (
    "áčďéěíňóřšťúůýž", "ąćęłńóśźż", "áéíóöőúüű", "áäčďéíĺľňóôŕšťúýž", "čćđšž", "ăâîșşțţ", "äöüß", "ëç",
    "áčďéěíňóřšťúůýžąćęłńśźżäľôđ",
)  # fmt: skip
_TURKISH, _BALTIC = ("çğıiöşüâîûİ",), ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž")
_CYRILLIC, _GREEK = "\u0400-\u04ff", "\u0370-\u03ff"
_HEBREW, _ARABIC, _THAI = "\u05b0-\u05ff", "\u0600-\u06ff", "\u0e00-\u0e7f"
#: Signs of texts, which do not stand inside of a word, and those that do.
_SIGNS, _WITHIN = set("€‚„…‘“”–—«»£§©®°¿¡№\xa0×÷•™"), set("’´·")
_HAN, _KANA, _HANGUL = "\u4e00-\u9fff", "\u3040-\u30ff\uff66-\uff9f", "\uac00-\ud7a3"
_WIDE = "\u3000-\u303f\uff00-\uff65"


def _of_languages(text: str, languages: tuple[str, ...]) -> bool:
    letters = {char for word in text.split() for char in word.lower() if char.isalpha() and not char.isascii()}
    return bool(letters) and any(letters <= set(language) | {"\u0307"} for language in languages)


def _of_script(script: str) -> Callable[[str], bool]:
    """Words of one script, and not in capitals alone."""
    word = f"[{script}\u0300-\u036f]+"  # compiled where it is needed: few files are not UTF-8

    def fits(text: str) -> bool:
        words = [found for found in re.findall(r"[^\W\d_]+", text) if not found.isascii()]
        small = sum(char.islower() or not char.isupper() for found in words for char in found)
        return bool(words) and all(re.fullmatch(word, one) for one in words) and 2 * small > sum(map(len, words))

    return fits


def _of_characters(wanted: str, others: str, share: float) -> Callable[[str], bool]:
    """Characters beyond ASCII of two sets, of the first at least some share, two or more."""
    mine, all_of = f"[{wanted}]", f"[{wanted}{others}{_WIDE}\x00-\x7f]*"

    def fits(text: str) -> bool:
        beyond = sum(char > "\x7f" for char in text)
        return beyond > 1 and bool(re.fullmatch(all_of, text)) and len(re.findall(mine, text)) >= share * beyond

    return fits


_ALPHABETS = {
    "cp1252": _WESTERN, "iso8859_15": _WESTERN, "cp1250": _CENTRAL, "iso8859_2": _CENTRAL, "cp1254": _TURKISH,
    "cp1257": _BALTIC,
}  # fmt: skip
_SCRIPTS = {
    "cp1251": _CYRILLIC, "koi8_r": _CYRILLIC, "koi8_u": _CYRILLIC, "cp866": _CYRILLIC, "iso8859_5": _CYRILLIC,
    "cp1253": _GREEK, "cp1255": _HEBREW, "cp1256": _ARABIC, "cp874": _THAI,
}  # fmt: skip
#: The encodings that are tried, in this order, and what tells a text of them.
_TESTS: dict[str, Callable[[str], bool]] = {
    **{name: partial(_of_languages, languages=languages) for name, languages in _ALPHABETS.items()},
    **{name: _of_script(script) for name, script in _SCRIPTS.items()},
    "euc_kr": _of_characters(_HANGUL, _HAN, 0.8),
    "gb18030": _of_characters(_HAN, "", 0.5),
    "big5": _of_characters(_HAN, "", 0.5),
    "cp932": _of_characters(_KANA, _HAN, 0.2),
    "euc_jp": _of_characters(_KANA, _HAN, 0.2),
    "cp850": partial(_of_languages, languages=_WESTERN),
    "cp852": partial(_of_languages, languages=_CENTRAL),
    "mac_roman": partial(_of_languages, languages=_WESTERN),
    "mac_cyrillic": _of_script(_CYRILLIC),
}
#: Encodings that characters of Chinese are common in: most of them stand in the first rows of their tables.
_FIRST_ROWS = {"gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6)}


def encoding_of(sample: bytes) -> str | None:
    """The likely encoding of the rows by their first bytes; None if it is UTF-8, mostly UTF-8, or unknown."""
    if b"\x1b" in sample and re.search(rb"\x1b\$[@B]", sample):
        return "iso2022_jp"
    if kernels.active.is_utf8(sample[: sample.rfind(b"\n") + 1 or len(sample)]):
        return None
    rows = sample.splitlines()
    lines = [*itertools.islice((line for line in rows if not line.isascii()), _LINES)]
    bad = [line for line in lines if not kernels.active.is_utf8(line)]
    if (len(bad) < 3 and 2 * len(bad) < len(rows)) or 10 * (len(lines) - len(bad)) > len(bad):
        return None
    text = b"\n".join(bad)
    for name, fits in _TESTS.items():
        if _reads_well(text, name, fits):
            return name
    if len(bad) > 2 and _is_western(text):
        return "cp1252"
    return _by_frequency(text) if len(bad) > 2 else None


def _reads_well(text: bytes, name: str, fits: Callable[[str], bool]) -> bool:
    try:
        decoded = text.decode(name)
    except UnicodeDecodeError:
        return False
    if name in _FIRST_ROWS and not _is_common(text, *_FIRST_ROWS[name]):
        return False
    if any("\x7f" <= char < "\xa0" for char in decoded):
        return False
    if name in _FIRST_ROWS or name in ("euc_kr", "cp932", "euc_jp"):
        return fits(decoded)
    beyond = {char for char in decoded if char > "\x7f" and not char.isalpha()}
    if not beyond <= _SIGNS | _WITHIN | set("\u0300\u0301\u0303\u0309\u0323"):
        return False
    inside = re.compile(f"[^\\W\\d_][{re.escape(''.join(_SIGNS))}][^\\W\\d_]")
    return not (inside.search(decoded) or _CAPITAL_INSIDE.search(decoded)) and _has_words(decoded) and fits(decoded)


def _has_words(text: str) -> bool:
    """Whether there is a word of three letters with one beyond ASCII: what else is there may be a damaged byte."""
    return any(len(word) > 2 and not word.isascii() for word in re.findall(r"[^\W\d_]+", text))


#: A capital beyond ASCII behind a small letter.
_CAPITAL_INSIDE = re.compile("[a-zà-öø-ÿа-я][À-ÖØ-ÞŠŽŸА-Я]")


def _is_common(text: bytes, first: int, last: int) -> bool:
    """Whether most characters of two bytes stand in the first rows of a table."""
    pairs: list[bytes] = re.findall(rb"[\x81-\xfe][\x40-\xfe]", text)
    common = [pair for pair in pairs if first <= pair[0] <= last]
    return 10 * len(common) >= 8 * len(pairs)


#: Letters and signs of cp1252 in Western texts of several languages.
_LETTERS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåæçèéêëìíîïñòóôõöøùúûüýßŒœŠšŽžŸ€‚„…‘’“”–—«»£§©®°´·¿¡ªº\xa0")


def _is_western(text: bytes) -> bool:
    return all(char in _LETTERS for char in set(text.decode("cp1252", errors="replace")) if char > "\x7f")


def _by_frequency(text: bytes) -> str | None:
    """The encoding by the frequency of letters, where there are enough of them."""
    from charset_normalizer import from_bytes

    found = from_bytes(text, cp_isolation=[*_TESTS]).best()
    letters = [char for char in str(found or "") if char > "\x7f"]
    if found is None or len(letters) < 10 or 10 * sum(map(str.isalpha, letters)) < 9 * len(letters):
        return None
    return str(found.encoding)
