"""Files in other encodings than UTF-8 are noticed before a row is written, with the option that reads them."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

import xdmprep as xp
from xdmprep.read.encodings import encodings_of

#: Encodings and words of a language.
LANGUAGES = {
    "de": (
        "cp1252 latin-1 cp850 mac_roman iso8859_15",
        "Müller Straße Köln Grüße Österreich Jäger München Zürich schön größer Übung Fußball Bücher "
        "Äpfel Haus Berlin Lager Kunde offen Brücke",
    ),
    "fr": (
        "cp1252 latin-1 cp850 mac_roman iso8859_15",
        "déjà Besançon élève Noël août français Hélène forêt garçon où café société Québec Paris client "
        "rue maison très Benoît reçu",
    ),
    "es": (
        "cp1252 latin-1 cp850 mac_roman",
        "niño está aquí señor corazón Muñoz José calle Sánchez país Peña mañana después González Madrid "
        "cliente número Ramón jardín teléfono García",
    ),
    "pt": (
        "cp1252 latin-1 cp850 mac_roman",
        "São João coração não Conceição irmã Gonçalves você Antônio avó pães cliente rua Araújo Lisboa "
        "informação três índio Brasília razão",
    ),
    "it": (
        "cp1252 latin-1 cp850",
        "città perché più Niccolò caffè lunedì università Forlì cliente via Roma così già qualità virtù",
    ),
    "sv": (
        "cp1252 latin-1 cp850 mac_roman",
        "Göteborg Malmö Åsa Björn Käll gård Sjöberg Västerås Örebro kund gata Lindström Håkan ägare",
    ),
    "da": ("cp1252 latin-1 cp850", "Søren København Åse Jørgen Næstved Ærø kunde vej Bøgh Århus måned græs"),
    "fi": ("cp1252 latin-1", "Hämeenlinna Jyväskylä Mäkinen Väinö tyttö asiakas Kämäräinen pöytä yö Särkkä"),
    "is": ("cp1252 latin-1", "Þór Guðrún Sigurðsson Ísafjörður Æsa Reykjavík Björk Höfn Hallgrímur Ólafur það"),
    "pl": (
        "cp1250 iso8859_2 cp852",
        "Łódź Kraków Zażółć gęślą jaźń ulica Wiśniewski Wójcik Świętokrzyski klient Częstochowa "
        "Dąbrowski Gdańsk Poznań żółty źródło Małgorzata",
    ),
    "cs": (
        "cp1250 iso8859_2 cp852",
        "Příliš žluťoučký kůň Dvořák Novák Plzeň ulice Žižkov Černý Jiří Ondřej zákazník město Třebíč "
        "děti úpěl ďábelské ódy Růžička",
    ),
    "sk": (
        "cp1250 iso8859_2",
        "Košice Ľubomír Žilina Štúr dôležitý kľúč mäso Horváth Kováč zákazník ulica Trenčín Baláž",
    ),
    "hu": (
        "cp1250 iso8859_2 cp852",
        "Kovács Szőke Győr tűzoltó Pécs Árvíztűrő tükörfúrógép Nagy utca ügyfél Tóth Székesfehérvár "
        "Erzsébet Kőszeg hűtő",
    ),
    "ro": (
        "cp1250 iso8859_2",
        "Iaşi Bucureşti Timişoara Ştefan Ţepeş strada client pâine Mureş România învăţător Braşov mâine Câmpina",
    ),
    "hr": (
        "cp1250 iso8859_2 cp852",
        "Čakovec Đorđević Šibenik Žarko Petrović kuća Marković ulica Zadar kupac Jurišić Ćosić noć",
    ),
    "tr": (
        "cp1254 iso8859_9",
        "İstanbul Şişli Çağrı Öztürk Yıldız Gümüş müşteri cadde Işık Doğan Kılıç ağaç Üsküdar Beyoğlu sokak Güneş",
    ),
    "lt": (
        "cp1257 iso8859_13",
        "Šiauliai Panevėžys Žukauskas gatvė Jonas Kaunas Kazlauskienė klientas Marijampolė Ąžuolas "
        "šįvakar mėnuo Paulauskaitė",
    ),
    "lv": (
        "cp1257 iso8859_13",
        "Rīga Jūrmala Bērziņš Liepāja Kārlis iela Ozoliņš klients Daugavpils Ķekava Jānis Ģirts Šķēde",
    ),
    "et": ("cp1257 iso8859_13", "Pärnu Võru Tõnis Jõgeva Šmidt klient tänav Mägi Kõiv Ülle Žanna sõber"),
    "ru": (
        "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic",
        "Привет Москва Иванов улица Пётр Сергеевна Новосибирск клиент Екатеринбург Смирнов площадь "
        "объект Ильич заказ Юлия Щукин Эдуард Жанна",
    ),
    "uk": (
        "cp1251 koi8_u iso8859_5",
        "Київ вулиця Євген Їжак Львів Шевченко замовник Ірина Харків Юлія Коваленко Дніпро площа місто",
    ),
    "bg": ("cp1251 iso8859_5", "София Пловдив Георги Иванов улица Варна клиент Бургас Димитър Цветан щастие Юлия ъгъл"),
    "el": (
        "cp1253 iso8859_7",
        "Αθήνα Γιώργος Παπαδόπουλος οδός Θεσσαλονίκη πελάτης Μαρία Ηράκλειο Κώστας Ελένη Νικόλαος Πάτρα "
        "Δημήτρης ταύρος",
    ),
    "he": ("cp1255 iso8859_8", "ירושלים שלום רחוב כהן לוי תל אביב לקוח משה חיפה דוד שרה יעקב"),
    "ar": ("cp1256 iso8859_6", "محمد القاهرة شارع أحمد الرياض عميل فاطمة علي بغداد مدينة خالد السلام"),
    "th": ("cp874 tis_620", "กรุงเทพ สมชาย ถนน เชียงใหม่ ลูกค้า สุขุมวิท ภูเก็ต ขอนแก่น มาลี ประเทศไทย"),
    "ja": (
        "cp932 euc_jp iso2022_jp",
        "東京 大阪 田中さん 株式会社 日本語のテキスト スズキ お客様 ありがとう 名古屋市 山田太郎 サービス "
        "佐藤 カタカナ 北海道 ひらがな 鈴木一郎 横浜",
    ),
    "zh": ("gb18030 gbk", "北京 上海 中文测试文本 客户 王小明 街道 广州 深圳 公司 中华人民共和国 张伟 李娜 南京 订单"),
    "tw": ("big5", "臺北 高雄 中文測試文字 客戶 王小明 街道 臺中 公司 陳先生 林小姐 訂單 新竹市 國家"),
    "ko": ("euc_kr cp949", "서울 부산 한국어 시험 고객 김철수 거리 대구 주식회사 이영희 박민수 인천 안녕하세요 주문"),
}
CASES = [(language, encoding) for language, (encodings, _) in LANGUAGES.items() for encoding in encodings.split()]
SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.example/texts", "title": "Texts", "type": "object", "properties": {"t": {"type": "string"}},
})  # fmt: skip


def named(file: Path) -> list[str]:
    """The encodings that the refusal of a file names, the one of its option first."""
    with pytest.raises(xp.SourceError, match="not UTF-8") as error:
        xp.map_rows(file, {"t": "text"}, SCHEMA)
    option, likely = (re.search(pattern, str(error.value)) for pattern in (r"encoding='([\w-]+)", r"perhaps ([^.]+)\."))
    assert option and likely
    names = likely[1].replace(" (Windows)", "").split(" or ")
    assert option[1] == names[0]
    return names


@pytest.mark.parametrize("wide", [1, 4])
@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_the_encoding_is_named_and_the_option_reads_the_file(
    language: str, encoding: str, rows: int, wide: int, tmp_path: Path
) -> None:
    rng, texts, words = random.Random(f"{language}{rows}{wide}"), [], LANGUAGES[language][1].split()
    while len(texts) < rows:
        text = " ".join(rng.choices(words, k=wide))
        texts += [text] * (rows > 3 or not text.isascii())
    if all(text.encode(encoding).isascii() for text in texts) and encoding != "iso2022_jp":
        pytest.skip("these letters are in ASCII")
    file = tmp_path / "a.csv"
    file.write_bytes(("id,text\n" + "".join(f"1,{text}\n" for text in texts)).encode(encoding))
    names = named(file)
    read = [
        [row["t"] for row in xp.map_rows(file, {"t": "text"}, SCHEMA, csv=xp.CsvOptions(encoding=name)).to_pylist()]
        for name in names
    ]
    beyond = sum(not char.isascii() for text in texts for char in text)
    legacy = encoding in ("cp850", "cp852", "mac_roman", "mac_cyrillic")
    assert read[0] == texts or (rows * wide < 5 and (texts in read or legacy or beyond < 3))


@pytest.mark.parametrize("seed", range(20))
def test_bytes_that_are_no_text_have_no_encoding(seed: int) -> None:
    rng = random.Random(seed)
    assert encodings_of(b"\n".join(rng.randbytes(20) for _ in range(20))) == []


def test_one_damaged_row_among_others_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,text\n" + "1,Müller\n".encode() * 5 + b"2,M\xfcller\n" + "3,Köln\n".encode() * 5)
    done = xp.prepare(file, {"t": "text"}, SCHEMA, tmp_path / "out", rules="batch")
    assert (done.written, done.rejected) == (10, 1)


def test_a_header_in_another_encoding_is_told_by_its_letters(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("номер,имя\n1,2\n".encode("cp1251"))
    with pytest.raises(xp.SourceError, match="the header is not UTF-8 but, by its letters, perhaps cp1251"):
        xp.prepare(file, {"t": "имя"}, SCHEMA, tmp_path / "out")
