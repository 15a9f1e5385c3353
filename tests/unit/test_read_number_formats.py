"""Number formats of Excel: what a cell shows for a number, held against openpyxl and against what Excel shows."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import MAC_EPOCH, from_excel

from xdmprep.read.number_formats import LOST, exact, format_code, shown_by

NO_DATE = (None, "the cell's number is no date in Excel's calendar")
NO_NUMBER = (None, "the cell's value is no number")

#: format, number, what the sheet shows
IDS = [
    ("00000", "42", "00042"),
    ("00000", "123456", "123456"),
    ("00000", "-42", "-00042"),
    ("00000", "4.2E1", "00042"),
    ("00000", "0", "00000"),
    ("00000;[Red]-00000", "-42", "-00042"),
    ("00000;(00000)", "-42", "(00042)"),
    ("00000\\-0000", "123456789", "12345-6789"),
    ("[<=99999]00000;00000\\-0000", "1234", "01234"),
    ("[<=99999]00000;00000\\-0000", "123456789", "12345-6789"),
    ("000\\-00\\-0000", "78051120", "078-05-1120"),
    ("000-00-0000", "78051120", "078-05-1120"),
    ("[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "5551234", "555-1234"),
    ("[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "2125551234", "(212) 555-1234"),
    ('"ID-"0000', "7", "ID-0007"),
    ('"ID-"0', "7", "ID-7"),
    ('"A/"0', "7", "A/7"),
    ('"+49 "0', "301234567", "+49 301234567"),
    ('"0"#', "301234567", "0301234567"),
    ("\\A000", "7", "A007"),
    ("[$-407]00000", "42", "00042"),
    ("_(00000_)", "42", "00042"),
    ("* 00000", "42", "00042"),
    ("000 000 000", "732829320", "732 829 320"),
    ("00 00 00 00 00", "612345678", "06 12 34 56 78"),
    ("??-00", "1234", "12-34"),
]
QUANTITIES = [
    "General", "0", "@", "0.00", "00.00", "#,##0", '#,##0.00 "EUR"', "#,##0.00_);[Red](#,##0.00)", "0%", "0.00%",
    "0.00E+00", "##0.0E+0", "# ?/?", "# ??/??", '0" kg"', '0 "m2"', '"$"0', '[$€-407] #,##0.00', '"USD "0', "# ##0",
    "#\\ ##0", "#'##0", "0,", "0;-0;;@", ";;;", "", "[Red]0", 'General" kg"', "G/通用格式", '0" days"', "0_d", "0\\s",
    *(code for number, code in BUILTIN_FORMATS.items() if not 14 <= number <= 22 and not 45 <= number <= 47),
]  # fmt: skip
DATES = [
    "yyyy-mm-dd", "YYYY-MM-DD", "dd/mm/yyyy", "[$-407]dd.mm.yyyy", "[$-409]d-mmm-yy;@", "mmm yy", "mmm", "dddd",
    "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", 'yyyy"年"m"月"d"日"', "[$-411]ge.m.d", "[DBNum1][$-804]yyyy\\-m", "d-m-y",
]  # fmt: skip
TIMES = ["h:mm", "hh:mm:ss", "h:mm AM/PM", "[$-F400]h:mm:ss\\ AM/PM", "mm:ss", "mm:ss.0", '上午/下午h"时"mm"分"']
MOMENTS = ["m/d/yy h:mm", "DD.MM.YYYY HH:MM", "yyyy-mm-dd hh:mm:ss.000", "[$-407]d. mmmm yyyy h:mm;@"]
#: format, number, what the sheet shows; seconds that a format hides are not lost
ELAPSED = [
    ("[h]:mm", "1.25", "30:00"),
    ("[h]:mm", "0.25", "6:00"),
    ("[hh]:mm", "0.25", "06:00"),
    ("[h]:mm:ss", "1.25", "30:00:00"),
    ("[h]:mm;@", "1.25", "30:00"),
    ("[h]:mm", "1.2503472222222223", "30:00:30"),
    ("[H]:MM", "1.25", "30:00"),
    ("[h]", "1.25", "30"),
    ("[h]", "1.2708333333333333", "30:30"),
    ('[h]" h "mm" min"', "1.25", "30:00"),
    ("[m]", "1.25", "1800"),
    ("[mm]:ss", "1.25", "1800:00"),
    ("[s]", "1.25", "108000"),
    ("[ss].00", "5.7870370370370373E-6", "00.50"),
    ("[h]:mm:ss.000", "5.7870370370370373E-6", "0:00:00.500"),
    ("[h]:mm", "-1.25", "-30:00"),
    ("[h]:mm", "0", "0:00"),
]


@pytest.mark.parametrize(("code", "number", "shown"), [*IDS, *ELAPSED])
def test_ids_and_elapsed_times_are_what_the_sheet_shows(code: str, number: str, shown: str) -> None:
    assert shown_by(code, False)(number) == (shown, "")


@pytest.mark.parametrize("code", QUANTITIES)
@pytest.mark.parametrize(
    ("number", "shown"),
    [("1234567.891", "1234567.891"), ("42", "42"), ("0", "0"), ("-5", "-5"), ("0.12", "0.12"), ("1E-7", "1e-07"),
     ("3.3000000000000003", "3.3"), ("2.9999999999999996", "3"), ("0.30000000000000004", "0.3"),
     ("1234567.8901234567", "1234567.89012346")],
)  # fmt: skip
def test_quantities_are_exact_under_any_format(code: str, number: str, shown: str) -> None:
    assert shown_by(code, False)(number) == (shown, "")


@pytest.mark.parametrize("code", ["00000", "000-00-0000", '"ID-"0'])
def test_a_number_that_is_not_whole_is_no_id(code: str) -> None:
    assert shown_by(code, False)("42.5") == ("42.5", "")


@pytest.mark.parametrize(
    ("code", "whole", "parted", "below"),
    [
        *((code, "2023-03-15", "2023-03-15T10:20:00", NO_DATE) for code in DATES),
        *((code, "2023-03-15T00:00:00", "2023-03-15T10:20:00", ("10:20:00", "")) for code in TIMES),
        *((code, "2023-03-15T00:00:00", "2023-03-15T10:20:00", NO_DATE) for code in MOMENTS),
        # of formats that differ by the language of Excel
        *((format_code(n, {}), "2023-03-15", "2023-03-15T10:20:00", NO_DATE) for n in (27, 31, 36, 50, 57, 58)),
        *((format_code(n, {}), "2023-03-15", "2023-03-15T10:20:00", ("10:20:00", "")) for n in (32, 35, 55, 56)),
    ],
)
def test_dates_and_times_are_iso_8601(code: str, whole: str, parted: str, below: tuple[str | None, str]) -> None:
    shown = shown_by(code, False)
    assert shown("45000") == (whole, "")
    assert shown("45000.430555555555") == (parted, "")
    assert shown("0.43055555555555558") == below


@given(serial=st.decimals(61, Decimal("2958465.9"), places=5), since_1904=st.booleans())
def test_a_date_is_that_of_openpyxl(serial: Decimal, since_1904: bool) -> None:
    text, wrong = shown_by("yyyy-mm-dd hh:mm:ss", since_1904)(str(serial))
    try:
        wanted = from_excel(float(serial), MAC_EPOCH) if since_1904 else from_excel(float(serial))
    except OverflowError:
        assert (text, wrong) == NO_DATE
        return
    assert text is not None and datetime.datetime.fromisoformat(text) == wanted


@pytest.mark.parametrize(
    ("number", "since_1900", "since_1904"),
    [
        ("0", NO_DATE, ("1904-01-01", "")),  # 1900-01-00
        ("1", ("1900-01-01", ""), ("1904-01-02", "")),
        ("59", ("1900-02-28", ""), ("1904-02-29", "")),
        ("60", NO_DATE, ("1904-03-01", "")),  # 1900-02-29
        ("61", ("1900-03-01", ""), ("1904-03-02", "")),
        ("-1", NO_DATE, NO_DATE),
        ("2957003", ("9995-12-30", ""), ("9999-12-31", "")),
        ("2958465", ("9999-12-31", ""), NO_DATE),
        ("2958466", NO_DATE, NO_DATE),
        ("-0.25", NO_DATE, NO_DATE),
        ("1E300", NO_DATE, NO_DATE),
        ("-1E300", NO_DATE, NO_DATE),
    ],
)
def test_the_ends_of_both_calendars(
    number: str, since_1900: tuple[str | None, str], since_1904: tuple[str | None, str]
) -> None:
    assert shown_by("dd.mm.yyyy", False)(number) == since_1900
    assert shown_by("dd.mm.yyyy", True)(number) == since_1904


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("999999999999999", ("999999999999999", "")),
        ("1000000000000000", ("1000000000000000", LOST)),
        ("1.234567890123456E15", ("1234567890123456", LOST)),
        ("12345678901234567890", ("12345678901234567890", LOST)),
        ("-1.2345678901234567E+19", ("-12345678901234567000", LOST)),
        ("1E16", ("10000000000000000", LOST)),
        ("1E21", ("1e+21", LOST)),
        ("007", ("7", "")),
        ("-0", ("0", "")),
        ("-0.0", ("0", "")),
        ("NaN", NO_NUMBER),
        ("INF", NO_NUMBER),
        ("1.#QNAN", NO_NUMBER),
        ("abc", NO_NUMBER),
        ("٣", ("3", "")),
    ],
)
def test_numbers_by_themselves(number: str, shown: tuple[str | None, str]) -> None:
    assert exact(number) == shown


@given(st.text("0#?.,%/ eEyYmdhs;@\"\\_*[]$-<=>9AP()'G", max_size=12), st.floats(-1e20, 1e20))
def test_no_format_is_a_fault(code: str, number: float) -> None:
    text, wrong = shown_by(code, False)(repr(number))
    assert bool(text) or bool(wrong)


@pytest.mark.parametrize("code", [*DATES, *MOMENTS, *TIMES, *(code for code in QUANTITIES if code)])
def test_openpyxl_takes_the_same_formats_for_dates(code: str) -> None:
    ours = shown_by(code, False)("45000.5") != ("45000.5", "")
    assert ours == bool(is_date_format(code))
