"""Dates, times and amounts in nine languages, and what only looks like them."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from runners.mail.amounts import amounts, number
from runners.mail.bills import bill
from runners.mail.language import detected
from runners.mail.lexicon import languages, lexicon
from runners.mail.moments import moments
from runners.mail.sentences import sentences, unwrapped

ZONE = ZoneInfo("Europe/Berlin")
SENT = datetime(2026, 11, 18, 9, 12, tzinfo=ZONE)
"""A Wednesday."""

TIMES = [
    ("en", "on Thursday 3 December at 15:00", "2026-12-03 15:00"),
    ("en", "Dec 3rd, 3:30pm", "2026-12-03 15:30"),
    ("en", "Monday, 30 November, from 10:00 to 11:00", "2026-11-30 10:00-11:00"),
    ("en", "3-4pm on Friday", "2026-11-20 15:00-16:00"),
    ("en", "tomorrow at noon", "2026-11-19 12:00"),
    ("en", "next Thursday at 3pm", "2026-11-26 15:00"),
    ("en", "Thursday next week at 9", "2026-11-26 09:00"),
    ("en", "at 6 pm on 1 January", "2027-01-01 18:00"),
    ("en", "2026-12-08 08:45", "2026-12-08 08:45"),
    ("en", "Fri 20 Nov, 9am", "2026-11-20 09:00"),
    ("en", "Thursday 3 December at 3pm EST", "2026-12-03 21:00"),
    ("en", "Tue, Dec 1, 2026, 7:00 PM – 9:00 PM CET", "2026-12-01 19:00-21:00"),
    ("de", "am 3. Dezember um 10 Uhr MEZ", "2026-12-03 10:00"),
    ("de", "Donnerstag, den 3. Dezember um 15 Uhr", "2026-12-03 15:00"),
    ("de", "am 03.12. um 15:30 Uhr", "2026-12-03 15:30"),
    ("de", "übermorgen um 9", "2026-11-20 09:00"),
    ("de", "von 18 bis 20 Uhr am Freitag", "2026-11-20 18:00-20:00"),
    ("de", "nächsten Donnerstag um 15 Uhr", "2026-11-19 15:00"),
    ("fr", "jeudi 3 décembre à 15h30", "2026-12-03 15:30"),
    ("fr", "le 1er décembre de 10h à 12h", "2026-12-01 10:00-12:00"),
    ("es", "mañana a las 9", "2026-11-19 09:00"),
    ("es", "el jueves 3 de diciembre a las 15:30", "2026-12-03 15:30"),
    ("it", "giovedì 3 dicembre alle ore 15:30", "2026-12-03 15:30"),
    ("nl", "volgende week donderdag om 15 uur", "2026-11-26 15:00"),
    ("nl", "donderdag 3 december om 15.30 uur", "2026-12-03 15:30"),
    ("pt", "quinta-feira, 3 de dezembro, às 15h30", "2026-12-03 15:30"),
    ("pl", "3 grudnia o godz. 15:30", "2026-12-03 15:30"),
    ("pl", "w środę o 17:00", "2026-11-25 17:00"),
    ("ja", "12月3日(木)午後3時半から", "2026-12-03 15:30"),
    ("ja", "来週の木曜日14時から15時", "2026-11-26 14:00-15:00"),
]


@pytest.mark.parametrize(("language", "text", "expected"), TIMES, ids=[f"{code}-{text}" for code, text, _ in TIMES])
def test_a_time_in_words_is_understood(language: str, text: str, expected: str):
    [moment] = moments(text, language, SENT, ZONE)
    assert isinstance(moment.start, datetime)
    end = f"-{moment.end:%H:%M}" if isinstance(moment.end, datetime) else ""
    assert f"{moment.start:%Y-%m-%d %H:%M}{end}" == expected
    assert moment.start.tzinfo == ZONE


DEADLINES = [
    ("en", "please send it by Friday", "2026-11-20"),
    ("en", "no later than 4 December", "2026-12-04"),
    ("en", "by the end of the month", "2026-11-30"),
    ("de", "bis spätestens Freitag, den 27. November", "2026-11-27"),
    ("de", "bis zum 27.11.2026", "2026-11-27"),
    ("fr", "avant le 3 décembre", "2026-12-03"),
    ("es", "antes del 3 de diciembre", "2026-12-03"),
    ("it", "entro il 30 novembre", "2026-11-30"),
    ("nl", "uiterlijk vrijdag 27 november", "2026-11-27"),
    ("pt", "até sexta", "2026-11-20"),
    ("pl", "do 30 listopada", "2026-11-30"),
    ("ja", "11月27日までに", "2026-11-27"),
]


@pytest.mark.parametrize(
    ("language", "text", "expected"), DEADLINES, ids=[f"{code}-{text}" for code, text, _ in DEADLINES]
)
def test_a_deadline_is_told_from_other_dates(language: str, text: str, expected: str):
    [moment] = moments(text, language, SENT, ZONE)
    assert (moment.role, moment.start.isoformat()) == ("deadline", expected)


NOTHING = [
    ("en", "I saw 14 of them, may be 3 of us at 12% or $14.50"),
    ("en", "every Friday at 5"),
    ("en", "Version 3.12.1, room 12.30, page 5/7, ratio 1:25"),
    ("en", "We march on. The sun sat. Mon ami, wed in haste."),
    ("en", "call +49 30 12 11 10 or 10/12 of them"),
    ("de", "Guten Morgen! Jeden Dienstag um 10 Uhr."),
    ("de", "Das macht 12.30 Euro, Artikel 4.12.88.1"),
    ("es", "por la mañana; los viernes a las 5"),
    ("fr", "il a deux mars et un sept"),
    ("nl", "zo 5 keer; ma en pa"),
]


@pytest.mark.parametrize(("language", "text"), NOTHING)
def test_what_is_no_date_is_none(language: str, text: str):
    assert moments(text, language, SENT, ZONE) == ()


def test_month_and_day_are_read_as_the_sender_writes_them():
    assert moments("due 12/03/2026", "en", SENT, ZONE)[0].start.isoformat() == "2026-03-12"
    assert moments("due 12/03/2026", "en", SENT, ZONE, month_first=True)[0].start.isoformat() == "2026-12-03"
    assert moments("due 12/25/2026", "en", SENT, ZONE)[0].start.isoformat() == "2026-12-25"


def test_a_date_without_year_is_the_next_one_unless_just_gone():
    assert moments("on 3 February", "en", SENT, ZONE)[0].start.isoformat() == "2027-02-03"
    assert moments("on 3 November", "en", SENT, ZONE)[0].start.isoformat() == "2026-11-03"
    assert moments("on 29 February", "en", SENT, ZONE) == ()


def test_times_follow_the_clock_of_summer_and_winter():
    assert moments("Monday 29 March 2027 at 9:00", "en", SENT, ZONE)[0].start.isoformat() == "2027-03-29T09:00:00+02:00"


AMOUNTS = [
    ("€ 1.234,56", "1234.56", "EUR"),
    ("1,234.56 USD", "1234.56", "USD"),
    ("CHF 1'250.50", "1250.50", "CHF"),
    ("1 250,40 €", "1250.40", "EUR"),
    ("1\u202f250,40\u00a0€", "1250.40", "EUR"),
    ("£480", "480.00", "GBP"),
    ("75,- €", "75.00", "EUR"),
    ("1.500 EUR", "1500.00", "EUR"),
    ("¥55,000", "55000", "JPY"),
    ("55,000円", "55000", "JPY"),
    ("1 845,00 zł", "1845.00", "PLN"),
    ("R$ 99,90", "99.90", "BRL"),
]


@pytest.mark.parametrize(("text", "amount", "currency"), AMOUNTS)
def test_an_amount_is_read_however_it_is_written(text: str, amount: str, currency: str):
    [found] = amounts(f"Total {text}, thank you")
    assert (str(found.money.amount), found.money.currency) == (amount, currency)


@pytest.mark.parametrize("text", ["5 dollarsigns", "room 12", "$", "12 %", "inr12x"])
def test_what_is_no_amount_is_none(text: str):
    assert amounts(text) == []


@pytest.mark.parametrize(
    ("written", "value"), [("1.234", "1234"), ("12.5", "12.5"), ("1,234,567", "1234567"), ("0,99", "0.99")]
)
def test_the_last_separator_with_two_digits_is_the_decimal_mark(written: str, value: str):
    assert number(written) == Decimal(value)


def test_a_bill_knows_its_number_payee_and_account():
    text = "Rechnung Nr. 2026-118\nEmpfänger: Muster GmbH\nGesamtbetrag: 1.190,00 €\nIBAN: DE89 3704 0044 0532 0130 00 BIC X\nzahlbar bis 15.12.2026"
    found = bill(text, "Ihre Rechnung", "de", SENT)
    assert found is not None
    assert (found.number, found.payee, found.iban) == ("2026-118", "Muster GmbH", "DE89370400440532013000")


def test_an_account_number_with_a_wrong_checksum_is_not_taken():
    found = bill("Rechnung Nr. 2026-118, Betrag 10,00 €, DE88 3704 0044 0532 0130 00", "Rechnung", "de", SENT)
    assert found is not None
    assert found.iban is None


@pytest.mark.parametrize("language", languages())
def test_every_language_has_its_words_and_grammar(language: str):
    assert lexicon(language).closings
    assert moments("x 1 2 3", language, SENT, ZONE) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Could you send me the file by Friday?", "en"),
        ("Könnten Sie mir die Datei schicken?", "de"),
        ("¿Me puedes mandar el archivo, por favor?", "es"),
        ("Pouvez-vous m'envoyer le fichier, s'il vous plaît ?", "fr"),
        ("Mi puoi mandare il file entro venerdì?", "it"),
        ("Kun je mij het bestand sturen, alsjeblieft?", "nl"),
        ("Podes enviar-me o ficheiro, por favor?", "pt"),
        ("Czy możesz mi przysłać ten plik?", "pl"),
        ("ファイルを送っていただけますか。", "ja"),
        ("OK", "de"),
    ],
)
def test_the_language_is_recognised(text: str, code: str):
    assert detected(text, hint="de") == code


def test_broken_lines_are_joined_and_lists_stay():
    text = "This is a long line that a mail program has broken\nin the middle.\n- one\n- two\nFrom: me\n\nEnd"
    assert (
        unwrapped(text)
        == "This is a long line that a mail program has broken in the middle.\n- one\n- two\nFrom: me\n\nEnd"
    )


def test_sentences_end_where_they_end():
    said = [each.text for each in sentences("Hi Dr. Who. We met at 5.30 p.m. today! Really? Yes… Fine\nNew line", "en")]
    assert said == ["Hi Dr. Who.", "We met at 5.30 p.m. today!", "Really?", "Yes…", "Fine", "New line"]
    assert [each.text for each in sentences("Am 3. Dezember im 2. Stock. Gut.", "de")] == [
        "Am 3. Dezember im 2. Stock.",
        "Gut.",
    ]
    assert [each.text for each in sentences("終わりました。次は？はい", "ja")] == ["終わりました。", "次は？", "はい"]
