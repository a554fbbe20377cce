"""What the header fields say about where a mail comes from: machines, lists, bounces, and who vouches for the sender."""

import re
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from runners.mail.clean import line
from runners.mail.facts import MailingList, Person
from runners.mail.message import Letter

_NO_REPLY = re.compile(
    r"^(?:[\w.+-]*[._+-])?(?:no|do-?not|dont|not?|ne)[._-]?(?:reply|respond|antwort(?:en)?|responder|repondre|rispondere|replay)"
    r"(?:[._+-].*)?@|^(?:mailer-daemon|postmaster|bounces?|nobody|noreply\S*)(?:[._+-].*)?@",
    re.IGNORECASE,
)
_MACHINE = re.compile(
    r"^(?:orders?|bestell\w*|pedidos?|commandes?|ordini|bestellingen|zam[oó]wienia|shipping|shipment|tracking|versand|delivery|billing|"
    r"invoices?|receipts?|payments?|alerts?|notify|notifications?|notification|news|newsletters?|marketing|mailer|mailing|updates?|"
    r"automated|system|robot|bot|cron|root)(?:[._+-].*)?@",
    re.IGNORECASE,
)
_BULK = frozenset(("bulk", "list", "junk", "auto_reply"))
_RESULT = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*(\w+)", re.IGNORECASE)
_ANGLED = re.compile(r"<\s*([^<>]{1,2000}?)\s*>")
_ADDRESS = re.compile(r"[^\s<>,;\x00-\x1f]+@[^\s<>,;\x00-\x1f]+")
_CAMPAIGN = (
    "x-campaign",
    "x-campaignid",
    "x-mailchimp-id",
    "x-mailgun-tag",
    "feedback-id",
    "x-csa-complaints",
    "x-mailer-recptid",
)
Verdict = Literal["pass", "fail", "none"]


def is_automatic(letter: Letter) -> bool:
    """Whether a machine sent it without a person at that moment (RFC 3834, and the fields that came before it)."""
    auto = letter.raw("auto-submitted").lower()
    return bool(
        (auto and not auto.startswith("no"))
        or letter.raw("precedence").lower() == "auto_reply"
        or letter.raw("x-autoreply")
        or letter.raw("x-autorespond")
        or letter.raw("x-auto-response-suppress").lower() in ("all", "oof", "autoreply")
        or letter.raw("return-path").strip() == "<>"
        or letter.content_type in ("multipart/report", "message/disposition-notification")
    )


def is_bulk(letter: Letter) -> bool:
    """Whether it went to many: by precedence, by list headers, or by a mailing machine's marks."""
    return bool(
        letter.raw("precedence").lower() in _BULK
        or letter.raw("list-id")
        or letter.raw("list-unsubscribe")
        or any(letter.raw(name) for name in _CAMPAIGN)
    )


def answers_nobody(address: str) -> bool:
    """Whether an address says of itself that nobody reads what is sent to it."""
    return bool(_NO_REPLY.search(address))


def is_machine(address: str) -> bool:
    """Whether an address is that of a machine or a department which sends notices: it asks for nothing personal."""
    return bool(_MACHINE.search(address))


def mailing_list(letter: Letter, sender: Person) -> MailingList | None:
    """The list that a mail came through. `one_click` only together with its List-Unsubscribe-Post (RFC 8058, section 3.1)."""
    unsubscribe, list_id = line(letter.raw("list-unsubscribe"), 10_000), letter.said("list-id")
    if not unsubscribe and not list_id:
        return None
    offers = _ANGLED.findall(re.sub(r"\s+", "", unsubscribe)) or [each.strip() for each in unsubscribe.split(",")]
    posts = letter.raw("list-unsubscribe-post").replace(" ", "").lower() == "list-unsubscribe=one-click"
    https = next((each for each in offers if re.fullmatch(r"https://[!#-;=?-~]{3,1990}", each, re.IGNORECASE)), None)
    mailto, subject = next((_mailto(each) for each in offers if each.lower().startswith("mailto:")), (None, ""))
    match = re.search(r"<([^<>]+)>", list_id)
    post = letter.raw("list-post").lower()
    return MailingList(
        id=line(match[1] if match else list_id or sender.address, 300).lower(),
        name=line(re.sub(r"\s*<[^<>]*>\s*$", "", list_id).strip("\"' ") if match else "", 200)
        or sender.name
        or sender.address,
        one_click=https if https and posts else None,
        mailto=mailto,
        mailto_subject=subject or "unsubscribe",
        discussion=bool(post) and post.strip("<> ") != "no",
    )


def _mailto(address: str) -> tuple[str | None, str]:
    try:
        parts = urlsplit(address)
        subject = parse_qs(parts.query).get("subject", [""])[0]
        to = line(unquote(parts.path), 400).split(",")[0].lower()
    except ValueError:
        return None, ""
    return (to, line(subject, 200)) if _ADDRESS.fullmatch(to) and len(to) <= 320 else (None, "")


def authentication(letter: Letter) -> dict[str, Verdict]:
    """SPF, DKIM and DMARC as the nearest server saw them: only the topmost field is ours, others a sender can write (RFC 8601)."""
    verdicts: dict[str, Verdict] = {}
    for method, result in _RESULT.findall(letter.raw("authentication-results")[:5000].lower()):
        if verdicts.get(method) != "pass":
            verdicts[method] = "pass" if result == "pass" else "fail" if result in ("fail", "permerror") else "none"
    return verdicts


def bounced(letter: Letter) -> str | None:
    """The Message-ID of the mail that did not arrive (empty when the notice does not say); None for what is no bounce."""
    sender = letter.raw("from").lower()
    report = letter.content_type == "multipart/report" and "delivery-status" in letter.raw("content-type").lower()
    daemon = "mailer-daemon" in sender or "postmaster@" in sender
    if not report and not (daemon and (letter.delivery_status or letter.returned_headers)):
        return None
    if re.search(
        r"^action:\s*(?:delivered|relayed|delayed|expanded)", letter.delivery_status, re.IGNORECASE | re.MULTILINE
    ):
        return None
    match = re.search(r"^message-id:\s*(<[^<>\s]{1,900}>)", letter.returned_headers, re.IGNORECASE | re.MULTILINE)
    return match[1] if match else (letter.ids("in-reply-to") or ("",))[0]
