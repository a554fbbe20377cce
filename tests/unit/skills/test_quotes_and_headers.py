"""What a sender newly wrote, where a mail comes from, and how conversations hang together."""

import pytest

from runners.mail import headers
from runners.mail.facts import Person
from runners.mail.message import Letter, take_apart
from runners.mail.quotes import split

NEW = "That works for me."
QUOTES = {
    "gmail": f"{NEW}\n\nOn Mon, Nov 23, 2026 at 10:11 AM Anna Lind <anna@lind.example> wrote:\n\n> Shall we?\n",
    "gmail-broken": f"{NEW}\n\nOn Mon, Nov 23, 2026 at 10:11 AM Anna Lind\n<anna@lind.example> wrote:\n> Shall we?\n",
    "unmarked": f"{NEW}\n\nOn Mon, Nov 23, 2026 at 10:11 AM Anna Lind <anna@lind.example> wrote:\n\nShall we?\n",
    "unmarked-de": f"{NEW}\n\nAm 23.11.2026 um 10:11 schrieb Anna Lind:\n\nSollen wir?\n",
    "de": f"{NEW}\n\nAm 23.11.2026 um 10:11 schrieb Anna Lind:\n> Sollen wir?\n",
    "de-gmail": f"{NEW}\n\nAm Mo., 23. Nov. 2026 um 10:11 Uhr schrieb Anna Lind <anna@lind.example>:\n> Sollen wir?\n",
    "fr": f"{NEW}\n\nLe lun. 23 nov. 2026 à 10:11, Anna Lind <anna@lind.example> a écrit :\n> On y va ?\n",
    "es": f"{NEW}\n\nEl lun, 23 nov 2026 a las 10:11, Anna Lind (<anna@lind.example>) escribió:\n> ¿Vamos?\n",
    "it": f"{NEW}\n\nIl giorno lun 23 nov 2026 alle ore 10:11 Anna Lind <anna@lind.example> ha scritto:\n> Andiamo?\n",
    "nl": f"{NEW}\n\nOp ma 23 nov 2026 om 10:11 schreef Anna Lind <anna@lind.example>:\n> Zullen we?\n",
    "pt": f"{NEW}\n\nEm seg., 23 de nov. de 2026 às 10:11, Anna Lind <anna@lind.example> escreveu:\n> Vamos?\n",
    "pl": f"{NEW}\n\nW dniu pon., 23 lis 2026 o 10:11 Anna Lind <anna@lind.example> napisał(a):\n> Idziemy?\n",
    "ja": f"{NEW}\n\n2026年11月23日(月) 10:11 Anna Lind <anna@lind.example>:\n> 行きますか？\n",
    "sv": f"{NEW}\n\nDen mån 23 nov. 2026 kl 10:11 skrev Anna Lind <anna@lind.example>:\n\nSka vi?\n",
    "outlook": f"{NEW}\n\nFrom: Anna Lind <anna@lind.example>\nSent: Monday, 23 November 2026 10:11\nTo: Sam Field\nSubject: Lunch\n\nShall we?\n",
    "outlook-de": f"{NEW}\n\n________________________________\nVon: Anna Lind\nGesendet: Montag, 23. November 2026 10:11\nAn: Sam Field\nBetreff: Essen\n\nSollen wir?\n",
    "original": f"{NEW}\n\n-----Original Message-----\nFrom: Anna\n\nShall we?\n",
    "forwarded": f"{NEW}\n\n-------- Weitergeleitete Nachricht --------\nBetreff: x\n\nSollen wir?\n",
    "bottom": f"> Shall we?\n\n{NEW}\n",
    "wrote-first": f"Anna Lind wrote on Monday, 23 November:\n\n> Shall we?\n\n{NEW}\n",
    "signature": f"{NEW}\n\n-- \nSam Field\nWhat else?\n",
    "closing": f"{NEW}\n\nBest regards,\nSam Field\nField & Sons, Hafenstr. 3\n",
    "phone": f"{NEW}\n\nSent from my iPhone\n",
    "phone-de": f"{NEW}\n\nVon meinem iPhone gesendet\n",
}


@pytest.mark.parametrize("text", QUOTES.values(), ids=QUOTES.keys())
def test_only_what_is_new_is_taken_for_new(text: str):
    assert split(text).new == NEW


KEPT = {
    "plain": "We wrote to them:\nthree pages.",
    "thanks-in-the-middle": "Thanks for the book, it is a wonderful present and we read it aloud every evening.\n\nCan I keep it?",
    "list": "To do:\n- From: the market\n- bread",
    "colon": "He said in 2026:\nno.",
    "postscript": "Hi\n\nBest,\nSam\n\nPS: one more thing?",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_what_only_looks_like_a_quote_stays(text: str):
    new = split(text).new
    assert new.endswith(text.rsplit("\n", 1)[-1])


def test_a_message_that_is_all_quote_says_nothing_new():
    assert split("> a\n> b\n").new == ""


def _letter(**fields: str) -> Letter:
    return take_apart(
        "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (rejected)"},
        {"Precedence": "auto_reply"},
        {"X_Autoreply": "yes"},
        {"Return_Path": "<>"},
        {"Content_Type": "multipart/report; report-type=delivery-status; boundary=x"},
    ],
)
def test_machines_are_recognised(fields: dict[str, str]):
    assert headers.is_automatic(_letter(**fields))


def test_people_are_not_taken_for_machines():
    assert not headers.is_automatic(_letter(Auto_Submitted="no", From="a@b.example", Return_Path="<a@b.example>"))
    assert not headers.is_bulk(_letter(From="a@b.example", To="c@d.example"))


@pytest.mark.parametrize(
    "address", ["noreply@x.example", "no-reply@x.example", "do_not_reply@x.example", "bounce+123@x.example", "billing-noreply@x.example", "NO.REPLY@x.example"]
)  # fmt: skip
def test_addresses_that_nobody_reads(address: str):
    assert headers.answers_nobody(address)


@pytest.mark.parametrize("address", ["nora@x.example", "norbert.reply@x.example", "info@x.example", "renote@x.example"])
def test_addresses_that_somebody_reads(address: str):
    assert not headers.answers_nobody(address)


def test_only_the_nearest_server_is_believed():
    letter = take_apart(
        b"Authentication-Results: mx; spf=fail; dmarc=fail\r\nAuthentication-Results: evil; dmarc=pass\r\nFrom: a@b.example\r\n\r\n"
    )
    assert headers.authentication(letter) == {"spf": "fail", "dmarc": "fail"}


def test_one_good_signature_is_enough():
    letter = _letter(Authentication_Results="mx; dkim=pass header.d=a; dkim=fail header.d=b; spf=none")
    assert headers.authentication(letter) == {"dkim": "pass", "spf": "none"}


def test_a_list_is_named_and_left_as_it_offers():
    offer = headers.mailing_list(
        _letter(
            List_Id="Club News <news.club.example>",
            List_Unsubscribe="<mailto:out@club.example?subject=bye%20now>, <https://c.example/u>",
        ),
        Person(address="a@b.example"),
    )
    assert offer is not None
    assert (offer.id, offer.name, offer.one_click) == ("news.club.example", "Club News", None)
    assert (offer.mailto, offer.mailto_subject) == ("out@club.example", "bye now")


def test_a_bounce_names_the_mail_that_did_not_arrive():
    raw = (
        b"From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx\r\n\r\nAction: %s\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        b"Message-ID: <sent.1@home.example>\r\n\r\n--b--\r\n"
    )
    assert headers.bounced(take_apart(raw % b"failed")) == "<sent.1@home.example>"
    assert headers.bounced(take_apart(raw % b"delayed")) is None
    assert headers.bounced(_letter(From="a@b.example")) is None
