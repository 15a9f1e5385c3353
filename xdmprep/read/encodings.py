"""The encoding of a text that is not UTF-8, told by its letters.

The text is decoded in each encoding and scored: the sum of the bits of information of its characters beyond ASCII, by
their frequency in the languages that are written in the encoding and by the characters beside them.  The encodings
with the fewest bits are the likely ones.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from functools import cache
from math import inf, log2

from .. import kernels

#: Bytes of lines that an encoding is told by, and the most encodings that are named.
_BYTES, _NAMED = 1 << 16, 3
#: An encoding is named beside the likeliest one if it needs at most so many bits more.
_MARGIN = 5.0

# Letters beyond ASCII by language, the most frequent first.
_WESTERN = (
    "üäöß", "éèàêçîôâùœûëïÿæ", "óáíñéúü¿¡ªº", "ãçáéíóõêàúâôü", "äöåé", "åøæéöäü", "àèòùìé", "áíðéóöúþýæ", "ëéïöüáè",
    "àèéíòóúçïü·",
)  # fmt: skip
_CENTRAL = (
    "łążęśćóńź", "íáéěýřčšžůúťďňó", "áíéýčžšúľťôäňóďĺŕ", "áéöőóíüúű", "ăîâşţșț", "čšćžđ", "üäöß", "ëç",
)  # fmt: skip
_CYRILLIC = ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "оанівитерслкудмпяьзбгйчюхцжїєшщфґ", "аоеинтрвсдлкпмзгбуъячцжшющхйфь")
_GREEK = ("αοιετσνηυρπκμλωςγόίάήέδθχύώφβξζψϊϋΐΰ",)
_ARABIC = ("اليمنرتبوةعدسفهكقحجشصطخضذثغظزأءإىئؤآ",)
_LANGUAGES = {
    "cp1252": _WESTERN, "cp1250": _CENTRAL, "cp1254": ("ıişüçöğâîû",),
    "cp1257": ("ėšųžįąčūę", "āīēšūņģļķžč", "äõüöšž"), "cp1251": _CYRILLIC, "koi8_r": _CYRILLIC, "koi8_u": _CYRILLIC,
    "cp866": _CYRILLIC, "cp1253": _GREEK, "cp1255": ("יוהלארתמבשנעםדחקפגטצזכסןךףץ",), "cp1256": _ARABIC,
    "cp874": ("านรกอเ่งวม้ยลสีทหตดคปิบพแั็จชไขุู์ำถใผโธศณฟภซษญฐึืะ",),
    "iso8859_15": _WESTERN, "iso8859_2": _CENTRAL, "iso8859_5": _CYRILLIC, "iso8859_6": _ARABIC, "iso8859_7": _GREEK,
    "cp850": _WESTERN, "cp852": _CENTRAL, "cp1258": ("àáâãèéêìíòóôõùúýăđơư\u0300\u0301\u0303\u0309\u0323",),
    "mac_roman": _WESTERN, "mac_cyrillic": _CYRILLIC,
}  # fmt: skip
#: Encodings of two bytes a character: the first bytes of the common ones, the bits that each of these has, and the most
#: frequent ones.
_WIDE = {
    "gb18030": (
        0xB0,
        0xD7,
        12.0,
        "的一是不了在人有我中大来上国这个到为子和地出道市区路街号公司北京海广东南王李张刘陈小文",
    ),
    "big5": (0xA4, 0xC6, 12.0, "的一是不了在人有我中大來上國這個到為子和地出道市區路街號公司北臺東南王李張劉陳林小文"),
    "euc_kr": (0xB0, 0xC8, 11.5, "이다에의는로하을가고지서사한은기시인리도자대어나김박정최부구동주수민영"),
    "cp932": (0x88, 0x97, 12.0, "東京都府県市区町村日本人一大中山田川株式会社様"),
    "euc_jp": (0xB0, 0xCF, 12.0, "東京都府県市区町村日本人一大中山田川株式会社様"),
}
#: Bits of an encoding: fewer where many files are written in it, more where few are.
_USE = {"cp1252": 0, "cp1250": 1, "cp1251": 0, "cp850": 5, "cp852": 5, "cp1258": 5, "mac_roman": 5, "mac_cyrillic": 5}
_SIGNS, _WITHIN = set("€‚„…‘“”–—«»£§©®°№\xa0×÷•™"), set("’´·")


def encodings_of(sample: bytes) -> list[str]:
    """The likely encodings of rows by their first bytes, the likeliest first; none if they are UTF-8, or unknown."""
    if b"\x1b" in sample and re.search(rb"\x1b\$[@B]", sample):
        return ["iso2022_jp"]
    whole = sample[: sample.rfind(b"\n") + 1 or len(sample)]
    if kernels.active.is_utf8(whole):
        return []
    rows = whole.splitlines()
    lines = [line for line in rows if not line.isascii()]
    bad = [line for line in lines if not kernels.active.is_utf8(line)]
    if (len(bad) < 3 and 2 * len(bad) < len(rows)) or 10 * (len(lines) - len(bad)) > len(bad):
        return []
    text = b"\n".join(bad)[:_BYTES]
    words = [word for word in re.split(rb'[\s,;|"]+', text) if not word.isascii()]
    return _likely(text) if max(map(len, words), default=0) > 2 else []  # shorter ones may be damaged bytes


def _likely(text: bytes) -> list[str]:
    found = []
    for name in [*_LANGUAGES, *_WIDE]:
        try:
            decoded = codecs.getincrementaldecoder(name)().decode(text, final=len(text) < _BYTES)
        except UnicodeDecodeError:
            continue
        if not any("\x7f" <= char < "\xa0" for char in decoded):
            found.append((_bits(name, decoded) + _USE.get(name, 3), name, decoded))
    likely: dict[str, str] = {}  # one name for each of the texts
    fewest = min(found, default=(inf,))[0]
    for bits, name, decoded in sorted(found):
        if bits <= fewest + _MARGIN < inf:
            likely.setdefault(decoded, name)
    return [*likely.values()][:_NAMED]


def _bits(name: str, text: str) -> float:
    """The bits of information of the characters beyond ASCII, each word once; infinite for what is no text."""
    words = " " + " ".join({*re.split(r'[\s,;|"]+', text)}) + " "
    near = Counter(place for place in zip(words, words[1:], words[2:], strict=False) if place[1] > "\x7f")
    bits = _bits_of_wide(name, near) if name in _WIDE else _bits_of_letters(_LANGUAGES[name], near)
    most = 13.0 if name in _WIDE else 10.0  # bits of a character of a text
    return bits if bits <= most * near.total() else inf


def _bits_of_letters(alphabets: tuple[str, ...], near: Counter[tuple[str, str, str]]) -> float:
    """The bits in the language that needs the fewest."""
    letters: Counter[str] = Counter()
    for (_, char, _), count in near.items():
        letters[char.lower()[0]] += count
    languages = _frequencies(alphabets)
    latin = alphabets[0][0] < "\u0250"
    beside = sum(count * _bits_beside(*place, latin, languages[0]) for place, count in near.items())
    rare = {char: 9.0 if char in _SIGNS | _WITHIN else 14.0 for char in letters}
    return beside + min(sum(n * {**rare, **bits}[char] for char, n in letters.items()) for bits in languages)


@cache
def _frequencies(languages: tuple[str, ...]) -> list[dict[str, float]]:
    """The bits of each letter by language: by its rank, and most for those of the other languages alone."""
    every = set("".join(languages))
    found = []
    for letters in languages:
        total = sum(1 / (rank + 3) for rank in range(len(letters)))
        share = {char: 0.95 / (rank + 3) / total for rank, char in enumerate(letters)}
        found.append({char: -log2(share.get(char, 0) + 0.05 / len(every)) for char in every})
    return found


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _bits_beside(before: str, char: str, after: str, latin: bool, letters: dict[str, float]) -> float:
    """The bits by the characters on both sides."""
    if not char.isalpha() and char not in letters:
        return 8.0 * (before.isalpha() and after.isalpha() and char not in _WITHIN)
    bits = 8.0 * (before.islower() and char.isupper()) + 0.5 * char.isupper()
    if latin:
        alone = not (before.isalpha() or after.isalpha())
        return bits + 2.0 * ((before > "\x7f" and before.isalpha()) + (after > "\x7f" and after.isalpha()) + alone)
    return bits + 8.0 * (_is_latin(before) + _is_latin(after))


def _bits_of_wide(name: str, near: Counter[tuple[str, str, str]]) -> float:
    return sum(
        count * (_bits_of_character(name, char) + 3.0 * (_is_latin(before) + _is_latin(after)))
        for (before, char, after), count in near.items()
    )


def _bits_of_character(name: str, char: str) -> float:
    """The bits of a character of an encoding of two bytes."""
    first, last, common, frequent = _WIDE[name]
    code = char.encode(name)
    if "\u3040" <= char <= "\u30ff":
        return 8.0 if name in ("cp932", "euc_jp") else 20.0
    if (len(code) == 2 and first <= code[0] <= last) or "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uff9f":
        return common - 4 * (char in frequent)
    return 15.0 if "\u4e00" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" else 20.0
