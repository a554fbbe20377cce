"""Schedules and times in German and Spanish: what is understood is exact, what is not is refused, and English goes on being understood."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bots.dialogs.schedule_words import cron_in
from bots.dialogs.time_words import moment
from bots.kit.place import place
from core.kernel.errors import Invalid

NOW = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)
"""A Sunday, 5:10 in Berlin."""

SCHEDULES_DE: dict[str, str | None] = {
    "jede Stunde": "0 * * * *",
    "stündlich": "0 * * * *",
    "alle 15 Minuten": "*/15 * * * *",
    "alle drei Stunden": "0 */3 * * *",
    "jede halbe Stunde": "*/30 * * * *",
    "jede Viertelstunde": "*/15 * * * *",
    "jeden Tag um 8": "0 8 * * *",
    "täglich um 18:30 Uhr": "30 18 * * *",
    "täglich 18.30 Uhr": "30 18 * * *",
    "jeden Morgen": "0 8 * * *",
    "morgens um 7": "0 7 * * *",
    "jeden Abend": "0 18 * * *",
    "werktags um 8": "0 8 * * 1-5",
    "Werktags 8 Uhr": "0 8 * * 1-5",
    "jeden Werktag um 8 Uhr 30": "30 8 * * 1-5",
    "an Werktagen um 9": "0 9 * * 1-5",
    "von Montag bis Freitag um 8": "0 8 * * 1-5",
    "Mo-Fr 8:15": "15 8 * * 1-5",
    "Mo bis Fr um 9 Uhr": "0 9 * * 1-5",
    "montags und donnerstags 18:30": "30 18 * * 1,4",
    "jeden Dienstag": "0 8 * * 2",
    "am Wochenende um 10": "0 10 * * 0,6",
    "jeden Tag um 8 und 18 Uhr": "0 8,18 * * *",
    "am 1. und 15. um 9": "0 9 1,15 * *",
    "am 1. jedes Monats": "0 8 1 * *",
    "am 1. des Monats um 9 Uhr": "0 9 1 * *",
    "monatlich": "0 8 1 * *",
    "jede Woche": "0 8 * * 1",
    "wöchentlich": "0 8 * * 1",
    "jeden Tag mittags": "0 12 * * *",
    "täglich um Mitternacht": "0 0 * * *",
    "am ersten Montag im Monat": "0 8 * * 1#1",
    "am 1. Montag im Monat um 9": "0 9 * * 1#1",
    "jeden ersten Montag im Monat um 9:30": "30 9 * * 1#1",
    "am zweiten Dienstag jedes Monats um 9": "0 9 * * 2#2",
    "am letzten Freitag des Monats um 17 Uhr": "0 17 * * 5L",
    "am letzten Tag des Monats um 18:00": "0 18 L * *",
    "am letzten Werktag im Monat um 16": "0 16 LW * *",
    "alle 2 Stunden zwischen 9 und 17": "0 9-17/2 * * *",
    "alle zwei Stunden von 9 bis 17 Uhr werktags": "0 9-17/2 * * 1-5",
    "zweimal am Tag": "0 8,18 * * *",
    "zweimal täglich": "0 8,18 * * *",
    "dreimal am Tag": "0 8,13,18 * * *",
    "am 24. Dezember um 10:15": "15 10 24 12 *",
    "jedes Jahr am 24. Dezember um 10:15": "15 10 24 12 *",
    "jeden 1. März um 9": "0 9 1 3 *",
    "jeden Tag im März um 8": "0 8 * 3 *",
    "0 8 * * 1-5": "0 8 * * 1-5",
    "jeden zweiten Tag": "days",
    "alle 2 Wochen am Montag": "weeks",
    "vierzehntägig": "weeks",
    "alle 45 Minuten": "minutes",
    "jeden zweiten Freitag um 9": "weeks",
    "alle drei Tage": "days",
    "abends um 8": "0 20 * * *",
    "wenn es regnet": None,
    "bald": None,
    "jeden Tag außer Freitag": None,
    "nicht montags": None,
    "montags nachmittags": None,
    "um 25 Uhr": None,
}

SCHEDULES_ES: dict[str, str | None] = {
    "cada hora": "0 * * * *",
    "cada 15 minutos": "*/15 * * * *",
    "cada tres horas": "0 */3 * * *",
    "cada media hora": "*/30 * * * *",
    "cada cuarto de hora": "*/15 * * * *",
    "cada día a las 8": "0 8 * * *",
    "todos los días a las 18:30": "30 18 * * *",
    "a diario a las 7": "0 7 * * *",
    "cada mañana": "0 8 * * *",
    "todas las mañanas a las 7": "0 7 * * *",
    "cada noche": "0 22 * * *",
    "de lunes a viernes a las 8": "0 8 * * 1-5",
    "lunes a viernes 8:15": "15 8 * * 1-5",
    "entre semana a las 9": "0 9 * * 1-5",
    "los días laborables a las 9 de la noche": "0 21 * * 1-5",
    "lunes y jueves 18:30": "30 18 * * 1,4",
    "los lunes y jueves a las 18:30": "30 18 * * 1,4",
    "cada martes": "0 8 * * 2",
    "todos los martes a las 9": "0 9 * * 2",
    "fines de semana a las 10": "0 10 * * 0,6",
    "los fines de semana a las 10": "0 10 * * 0,6",
    "cada día a las 8 y a las 18": "0 8,18 * * *",
    "cada día a las 8 y media": "30 8 * * *",
    "los días 1 y 15 a las 9": "0 9 1,15 * *",
    "el día 1 de cada mes": "0 8 1 * *",
    "el 1 de cada mes a las 9": "0 9 1 * *",
    "cada mes": "0 8 1 * *",
    "mensualmente": "0 8 1 * *",
    "cada semana": "0 8 * * 1",
    "cada día al mediodía": "0 12 * * *",
    "el primer lunes del mes": "0 8 * * 1#1",
    "el primer lunes de cada mes a las 9:30": "30 9 * * 1#1",
    "el segundo martes del mes a las 9": "0 9 * * 2#2",
    "el último viernes del mes a las 5 de la tarde": "0 17 * * 5L",
    "el último día del mes a las 18:00": "0 18 L * *",
    "el último día laborable del mes a las 16": "0 16 LW * *",
    "cada 2 horas entre las 9 y las 17": "0 9-17/2 * * *",
    "cada dos horas de 9 a 17, de lunes a viernes": "0 9-17/2 * * 1-5",
    "cada hora de las 9 a las 17": "0 9-17 * * *",
    "dos veces al día": "0 8,18 * * *",
    "tres veces al día": "0 8,13,18 * * *",
    "cada año el 24 de diciembre a las 10:15": "15 10 24 12 *",
    "cada 1 de marzo a las 9": "0 9 1 3 *",
    "cada dos días": "days",
    "cada dos semanas": "weeks",
    "un día sí y otro no": "days",
    "cada 45 minutos": "minutes",
    "cuando llueva": None,
    "pronto": None,
    "cada día menos el viernes": None,
    "no los lunes": None,
    "a las 25": None,
    "todos los sábados a las 10": "0 10 * * 6",
    "miércoles a las 9": "0 9 * * 3",
}

MOMENTS_DE: dict[str, str | None] = {
    "morgen": "2026-11-23 09:00",
    "morgen 9:00": "2026-11-23 09:00",
    "morgen um 15 Uhr": "2026-11-23 15:00",
    "morgen um 8": "2026-11-23 08:00",
    "morgen früh": "2026-11-23 09:00",
    "übermorgen": "2026-11-24 09:00",
    "übermorgen um 10": "2026-11-24 10:00",
    "heute Abend": "2026-11-22 18:00",
    "heute Abend um 8": "2026-11-22 20:00",
    "heute um 18 Uhr": "2026-11-22 18:00",
    "heute 18:30": "2026-11-22 18:30",
    "in 3 Tagen": "2026-11-25 09:00",
    "in zwei Stunden": "2026-11-22 07:10",
    "in einer Stunde": "2026-11-22 06:10",
    "in einer halben Stunde": "2026-11-22 05:40",
    "in 30 Minuten": "2026-11-22 05:40",
    "in einer Woche": "2026-11-29 09:00",
    "Freitag": "2026-11-27 09:00",
    "Freitag 14:00": "2026-11-27 14:00",
    "am Freitag um 14 Uhr": "2026-11-27 14:00",
    "bis Freitag": "2026-11-27 09:00",
    "nächsten Montag": "2026-11-23 09:00",
    "nächste Woche": "2026-11-29 09:00",
    "Montag um 9": "2026-11-23 09:00",
    "Montag 9": "2026-11-23 09:00",
    "Dienstagabend": "2026-11-24 18:00",
    "Dienstag Abend um 8": "2026-11-24 20:00",
    "Montagmorgen": "2026-11-23 09:00",
    "1.12.": "2026-12-01 09:00",
    "24.12.2026 18:00": "2026-12-24 18:00",
    "1. Dezember": "2026-12-01 09:00",
    "am 24. Dezember um 18 Uhr": "2026-12-24 18:00",
    "18 Uhr": "2026-11-22 18:00",
    "18:00": "2026-11-22 18:00",
    "um 18 Uhr 30": "2026-11-22 18:30",
    "mittags": "2026-11-22 12:00",
    "morgen mittag": "2026-11-23 12:00",
    "in 3 days": "2026-11-25 09:00",
    "tomorrow 9am": "2026-11-23 09:00",
    "Friday 14:00": "2026-11-27 14:00",
    "bald": None,
    "wenn Schweine fliegen": None,
    "9": None,
    "nein": None,
}

MOMENTS_ES: dict[str, str | None] = {
    "mañana": "2026-11-23 09:00",
    "mañana 9:00": "2026-11-23 09:00",
    "mañana a las 15": "2026-11-23 15:00",
    "mañana a las 8": "2026-11-23 08:00",
    "mañana por la mañana": "2026-11-23 09:00",
    "pasado mañana": "2026-11-24 09:00",
    "pasado mañana a las 10": "2026-11-24 10:00",
    "esta noche": "2026-11-22 20:00",
    "esta noche a las 8": "2026-11-22 20:00",
    "hoy a las 18": "2026-11-22 18:00",
    "hoy 18:30": "2026-11-22 18:30",
    "en 3 días": "2026-11-25 09:00",
    "dentro de dos horas": "2026-11-22 07:10",
    "en una hora": "2026-11-22 06:10",
    "en media hora": "2026-11-22 05:40",
    "en 30 minutos": "2026-11-22 05:40",
    "en una semana": "2026-11-29 09:00",
    "viernes": "2026-11-27 09:00",
    "viernes 14:00": "2026-11-27 14:00",
    "el viernes a las 14": "2026-11-27 14:00",
    "hasta el viernes": "2026-11-27 09:00",
    "el próximo lunes": "2026-11-23 09:00",
    "el lunes que viene": "2026-11-23 09:00",
    "la semana que viene": "2026-11-29 09:00",
    "lunes a las 9": "2026-11-23 09:00",
    "el martes por la noche": "2026-11-24 18:00",
    "el lunes por la mañana": "2026-11-23 09:00",
    "1 de diciembre": "2026-12-01 09:00",
    "el 24 de diciembre a las 18:00": "2026-12-24 18:00",
    "a las 6 de la tarde": "2026-11-22 18:00",
    "18:00": "2026-11-22 18:00",
    "mañana al mediodía": "2026-11-23 12:00",
    "a las 8 y media": "2026-11-22 08:30",
    "24/12/2026 18:00": "2026-12-24 18:00",
    "in 3 days": "2026-11-25 09:00",
    "Friday 14:00": "2026-11-27 14:00",
    "pronto": None,
    "cuando vuelen los cerdos": None,
    "9": None,
    "no": None,
}


def chat(language: str) -> Any:
    """The part of a chat that the words are read by."""
    return SimpleNamespace(
        place=place(language, "Europe/Berlin", NOW),
        work=SimpleNamespace(now=NOW),
        profile=SimpleNamespace(language=language, timezone="Europe/Berlin"),
    )


def by_language(*tables: tuple[str, dict[str, str | None]]) -> list[tuple[str, str, str | None]]:
    return [(language, words, means) for language, table in tables for words, means in table.items()]


@pytest.mark.parametrize(("language", "words", "means"), by_language(("de-AT", SCHEDULES_DE), ("es", SCHEDULES_ES)))
def test_a_schedule_is_understood_in_the_persons_language(language: str, words: str, means: str | None) -> None:
    """`means` is a cron line, what no cron line says, or None for what is not understood."""
    try:
        understood: str | None = cron_in(language, words)
    except Invalid as refused:
        understood = refused.data.get("what") if refused.data["words"] == words else "told in other words"
    assert understood == means


@pytest.mark.parametrize("words", ["every weekday at 8", "every day at 12 am", "0 8 * * mon", "@daily"])
def test_a_schedule_in_english_means_the_same_to_everybody(words: str) -> None:
    assert cron_in("de", words) == cron_in("es", words) == cron_in("en", words)


@pytest.mark.parametrize(("language", "words", "means"), by_language(("de", MOMENTS_DE), ("es-MX", MOMENTS_ES)))
def test_a_time_is_understood_in_the_persons_language(language: str, words: str, means: str | None) -> None:
    here = chat(language)
    found = moment(here, words)
    assert (found and found.astimezone(here.place.zone).strftime("%Y-%m-%d %H:%M")) == means
