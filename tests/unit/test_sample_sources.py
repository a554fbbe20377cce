"""Samples are written with relative dates and in clear: moments, placeholders, and what is said about a source that is wrong."""

import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import core.catalog.samples as samples
from core.catalog.samples.calendar import SampleDates

SAMPLES = Path(samples.__file__).parents[1] / "templates" / "inbox" / "samples"
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("moment", "then"),
    [
        ("-3d 09:12", "2026-03-26T09:12+01:00"),
        ("+1d 09:00", "2026-03-30T09:00+02:00"),
        ("+1b 15:00", "2026-03-30T15:00+02:00"),
        ("-1b 15:00", "2026-03-27T15:00+01:00"),
        ("+0b 08:00", "2026-03-30T08:00+02:00"),
        ("+6b 08:00", "2026-04-06T08:00+02:00"),
        ("+1w 08:00", "2026-04-05T08:00+02:00"),
        ("+3d:fri 18:30", "2026-04-03T18:30+02:00"),
        ("-1d:mon 18:30", "2026-03-23T18:30+01:00"),
        ("-2d+14d 07:00", "2026-04-10T07:00+02:00"),
        ("-3h", "2026-03-29T00:30+01:00"),
        ("+40min", "2026-03-29T05:10+02:00"),
    ],
)
def test_moments_are_counted_on_the_owner_s_clock_across_the_night_of_the_change(moment: str, then: str) -> None:
    dates = SampleDates(SAMPLES, datetime(2026, 3, 29, 4, 30, tzinfo=BERLIN))
    assert dates.moment(moment) == datetime.fromisoformat(then)
    assert dates.moment(moment).isoformat(timespec="minutes") == then


def test_placeholders_speak_the_language_of_the_mail() -> None:
    dates = SampleDates(SAMPLES, NOON)
    assert dates.render("{{day.de +5d %A, %-d. %B %Y}}") == "Freitag, 27. November 2026"
    assert dates.render("{{day.pl +5d %-d %B}}, {{weekday.es +6d}}") == "27 listopada, sábado"
    assert dates.render("{{day.ja +5d %-m月%-d日}}({{day.ja +5d %a}})") == "11月27日(金)"
    assert dates.render("{{date -3d 09:12}}") == "Thu, 19 Nov 2026 09:12:00 +0100"
    assert dates.render("{{icsutc +4d 15:00}} {{icsdate +4d}}") == "20261126T140000Z 20261126"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (
            "when: someday\nheaders: {From: a@example.org, Message-ID: <a@example.org>}\nbody: {type: text/plain}",
            "moment",
        ),
        ("when: -1d\nheaders: {From: a@example.org}\nbody: {type: text/plain}", "Message-ID"),
        ("when: -1d\nverbatim: '{{moon +1d}}'", "placeholder"),
        (
            "when: -1d\nheaders: {From: é@example.org, Message-ID: <a@example.org>}\nbody: {type: text/plain}",
            "encoded word",
        ),
        (
            "when: -1d\nheaders: {From: a@example.org, Message-ID: <a@example.org>}\nbody: {type: text/plain, text: é}",
            "ascii",
        ),
        ("when: -1d\nverbatim: x\nbody: {type: text/plain}", "either"),
        ("when: [", "parsing"),
    ],
)
def test_a_wrong_source_is_named_with_what_is_wrong(tmp_path: Path, source: str, complaint: str) -> None:
    shutil.copy(SAMPLES / "mailbox.yaml", tmp_path)
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "001-wrong.yaml").write_text(source, "utf-8")
    with pytest.raises(ValueError, match=rf"(?s)^001-wrong\.yaml: .*{complaint}"):
        samples.build_mailbox(tmp_path, NOON)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        samples.build_mailbox(SAMPLES, NOON.replace(tzinfo=None))
