"""Make a CRM export of invented people: ``python tests/benchmarks/make_crm.py ROWS OUT.csv [SEED]``.

The layout is that of Adobe's CRM sample: 21 columns, every value quoted.  So are its kinds of faults: days below ten
without their zero (here 10 % of the rows), a second ECID that lost leading digits (7 %), names with accents, Canadian
and Mexican postal codes.  The bundled `schemas/examples/crm-profiles.csv` is ``make_crm.py 300``.
"""

from __future__ import annotations

import csv
import random
import sys
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta

COLUMNS = (
    "TITLE F_NAME L_NAME GENDER MONTH_AND_DATE DOB YOB EMAIL ID1 ID2 ID3 ID4 PHONE EMAIL2 "
    "STREET CITY STATE COUNTRY ZIP LAT LONG"
).split()
FEMALE = "Ana Zoë Chloé Maëlle Ingrid Noor Priya Wanjiku Sofía Yuki Hannah Leila Thandiwe Märta Beatriz".split()
MALE = "José Łukasz Søren Tomás Anders Kofi Rohan Emre Mateo Jürgen Idris Pavel Élie Hiroto Diarmuid".split()
FAMILY = (
    "Okonkwo Lindqvist Ferreira Nakamura Ó_Briain Castañeda Müller Van_der_Meer Haddad Kowalczyk Sørensen "
    "Achebe Tremblay Gutiérrez Iyer Novák Yılmaz Park Rossi Bouchard"
).split()
PLACES = [
    ("Anniston", "Alabama", "US", "36205", 33.6598, -85.8316),
    ("Duluth", "Minnesota", "US", "55802", 46.7867, -92.1005),
    ("Boise", "Idaho", "US", "83702", 43.6150, -116.2023),
    ("Amherst", "Massachusetts", "US", "01002", 42.3732, -72.5199),
    ("Holtsville", "New York", "US", "00501", 40.8154, -73.0451),
    ("Trois-Rivières", "Québec", "CA", "G8T", 46.3430, -72.5430),
    ("Moncton", "New Brunswick", "CA", "E1C", 46.0878, -64.7782),
    ("Kamloops", "British Columbia", "CA", "V2C", 50.6745, -120.3273),
    ("Mérida", "Yucatán", "MX", "97000", 20.9674, -89.5926),
    ("Cuauhtémoc", "Ciudad de México", "MX", "06000", 19.4326, -99.1332),
    ("Ciudad Juárez", "Chihuahua", "MX", "32000", 31.6904, -106.4245),
]
STREETS = "Harbour Orchard Juniper Copper Meadow Lantern Quarry Willow Summit Ferry".split()
KINDS = "Street Avenue Lane Crossing Terrace Way Court".split()
HOSTS = "example.com example.org mail.example.net post.example.com".split()


def people(count: int, seed: int = 7) -> Iterator[list[str]]:
    """`count` rows of 21 texts each."""
    rng = random.Random(seed)
    for number in range(count):
        gender = rng.choice(("female", "male"))
        first = rng.choice(FEMALE if gender == "female" else MALE)
        last = rng.choice(FAMILY).replace("_", " ")
        title = rng.choice(("Ms", "Mrs", "Dr", "Rev") if gender == "female" else ("Mr", "Dr", "Rev", "Honorable"))
        born = date(1940, 1, 1) + timedelta(days=rng.randrange(24_000))
        day = f"{born.day:02}"
        if born.day < 10 and rng.random() < 0.35:
            day = str(born.day)
        city, state, country, code, lat, long = rng.choice(PLACES)
        email = f"{_ascii(first)[0]}{_ascii(last)}{number}@{rng.choice(HOSTS)}".lower()
        second = _digits(rng, 38)
        if rng.random() < 0.07:
            second = second[rng.choice((1, 2)) :]
        yield [
            title, first, last, gender, f"{born.month:02}-{day}", f"{born.year}-{born.month:02}-{day}", str(born.year),
            email, _guid(rng), _digits(rng, 38), f"2e33{rng.getrandbits(48):012x}-{rng.getrandbits(64):016x}", second,
            f"{rng.randrange(200, 999)}-{rng.randrange(200, 999)}-{rng.randrange(10_000):04}", email,
            f"{rng.randrange(1, 9999)} {rng.choice(STREETS)} {rng.choice(KINDS)}", city, state, country, code,
            f"{lat + rng.uniform(-0.05, 0.05):.7f}".rstrip("0"), f"{long + rng.uniform(-0.05, 0.05):.7f}".rstrip("0"),
        ]  # fmt: skip


def _digits(rng: random.Random, count: int) -> str:
    return str(rng.randrange(1, 10)) + "".join(rng.choices("0123456789", k=count - 1))


def _guid(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _ascii(name: str) -> str:
    name = name.replace("ø", "o").replace("Ł", "L").replace("ł", "l").replace("ı", "i").replace("ß", "ss")
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace(" ", "")


def main() -> None:
    """Write the file named on the command line."""
    rows, out = int(sys.argv[1]), sys.argv[2]
    with open(out, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(people(rows, int(sys.argv[3]) if len(sys.argv) > 3 else 7))


if __name__ == "__main__":
    main()
