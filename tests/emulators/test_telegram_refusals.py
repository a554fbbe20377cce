"""The emulator says no where Telegram does, in Telegram's words, whichever way the call was written."""

import json
from collections.abc import Callable

import httpx
import pytest

from .telegram import Person, TelegramEmulator

web = httpx.Client(verify=False)
Post = Callable[..., tuple[int, str]]


@pytest.fixture
def mia(telegram: TelegramEmulator) -> Person:
    person = telegram.user("Mia")
    person.sends("/start")
    return person


@pytest.fixture
def post(telegram: TelegramEmulator) -> Post:
    """Call a method with JSON; the status and the description, `ok` when it was carried out."""

    def call(method: str, **parameters: object) -> tuple[int, str]:
        response = web.post(f"{telegram.api_url}/bot{telegram.token}/{method}", json=parameters)
        body = response.json()
        assert body["ok"] is (response.status_code == 200)
        assert body.get("error_code", 200) == response.status_code
        return response.status_code, body.get("description", "ok")

    return call


def inline(text: str = "Go", **button: object) -> dict[str, object]:
    return {"inline_keyboard": [[{"text": text, **button}]]}


HTML = [
    ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
    ("é <blink>x</blink>", 'Unsupported start tag "blink" at byte offset 3'),
    ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
    ("x</b>", "Unexpected end tag at byte offset 1"),
    ("a < b", 'Unsupported start tag "" at byte offset 2'),
    ("a <b", "Unclosed start tag at byte offset 2"),
    ('<span class="big">x</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ("<b>x</b ", "Unclosed end tag at byte offset 4"),
    ("<a href=x,y>x</a>", "Unexpected end of name token at byte offset 8"),
    ('<a href="x>x</a>', "Unclosed start tag at byte offset 0"),
    ("<b =x>x</b>", 'Empty attribute name in the tag "b" at byte offset 0'),
]


@pytest.mark.parametrize(("html", "reason"), HTML)
def test_html_that_telegram_cannot_read_is_refused_with_the_byte(
    post: Post, mia: Person, html: str, reason: str
) -> None:
    answer = post("sendMessage", chat_id=mia.id, text=html, parse_mode="HTML")
    assert answer == (400, f"Bad Request: can't parse entities: {reason}")


SENDING = [
    ({"text": ""}, "message text is empty"),
    ({"text": " \u200b\n "}, "text must be non-empty"),
    ({"text": "<b> </b>", "parse_mode": "HTML"}, "text must be non-empty"),
    ({"text": "a" * 4097}, "message is too long"),
    ({"text": "😀" * 2049}, "message is too long"),
    ({"text": "x", "parse_mode": "RTF"}, "unsupported parse_mode"),
    ({"text": "x", "reply_markup": inline(callback_data="é" * 33)}, "BUTTON_DATA_INVALID"),
    ({"text": "x", "reply_markup": inline("", callback_data="a")}, "inline keyboard button text must be non-empty"),
    (
        {"text": "x", "reply_markup": inline()},
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    ({"text": "x", "reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
    ({"text": "x", "reply_markup": []}, "object expected as reply markup"),
    (
        {"text": "x", "reply_markup": {"inline_keyboard": [{}]}},
        'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
    ),
    (
        {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "b", "callback_data": "b"}]] * 101}},
        "reply markup is too long",
    ),
    ({"text": "x", "reply_parameters": {"message_id": 99}}, "message to be replied not found"),
    ({"text": "x", "chat_id": ""}, "chat_id is empty"),
    ({"text": "x", "chat_id": 12345}, "chat not found"),
]


@pytest.mark.parametrize(("parameters", "reason"), SENDING)
def test_messages_over_a_limit_are_not_sent(
    post: Post, mia: Person, parameters: dict[str, object], reason: str
) -> None:
    assert post("sendMessage", **({"chat_id": mia.id} | parameters)) == (400, f"Bad Request: {reason}")
    assert mia.chat.bot_messages == []


def test_limits_are_measured_after_parsing_in_utf16_units(post: Post, mia: Person) -> None:
    assert post("sendMessage", chat_id=mia.id, text="<b>" + "&lt;" * 4096 + "</b>", parse_mode="HTML") == (200, "ok")
    assert post("sendMessage", chat_id=mia.id, text="😀" * 2048) == (200, "ok")
    assert post("sendMessage", chat_id=mia.id, text="x", reply_markup=inline(callback_data="é" * 32)) == (200, "ok")
    document = {"chat_id": mia.id, "document": mia.sends_file("a.txt", b"a").file.file_id}  # type: ignore[union-attr]
    assert post("sendDocument", **document, caption="a" * 1024) == (200, "ok")
    assert post("sendDocument", **document, caption="a" * 1025) == (400, "Bad Request: message caption is too long")


def test_edits_are_refused_for_the_reasons_that_telegram_has(post: Post, mia: Person) -> None:
    mine = mia.chat.messages[0]
    post("sendMessage", chat_id=mia.id, text="<b>card</b>", parse_mode="HTML", reply_markup=inline(callback_data="a"))
    card = mia.chat.last
    edit = {"chat_id": mia.id, "message_id": card.id}
    same = {"text": "card", "entities": [{"type": "bold", "offset": 0, "length": 4}]}
    assert post("editMessageText", **edit, **same, reply_markup=inline(callback_data="a")) == (
        400,
        "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as "
        "a current content and reply markup of the message",
    )
    assert post("editMessageText", **edit, **same) == (200, "ok")
    assert post("editMessageText", **edit, text="") == (400, "Bad Request: message text is empty")
    assert (
        post("editMessageCaption", **edit, caption="x")[1] == "Bad Request: there is no caption in the message to edit"
    )
    cannot = (400, "Bad Request: message can't be edited")
    assert post("editMessageText", chat_id=mia.id, message_id=mine.id, text="x") == cannot
    gone = (400, "Bad Request: message to edit not found")
    assert post("editMessageText", chat_id=mia.id, message_id=99, text="x") == gone
    card.freeze()
    assert post("editMessageText", **edit, text="x") == cannot
    mia.deletes(card)
    assert post("editMessageReplyMarkup", **edit) == gone
    assert post("editMessageText", text="x") == (400, "Bad Request: message identifier is not specified")


def test_only_young_messages_can_be_deleted(post: Post, mia: Person) -> None:
    post("sendMessage", chat_id=mia.id, text="old")
    card = mia.chat.last
    card.age(49 * 3600)
    delete = {"chat_id": mia.id, "message_id": card.id}
    assert post("deleteMessage", **delete) == (400, "Bad Request: message can't be deleted for everyone")
    card.age(0)
    assert post("deleteMessage", **delete) == (200, "ok")
    assert post("deleteMessage", **delete) == (400, "Bad Request: message to delete not found")


def test_people_can_shut_the_bot_out_and_let_it_in_again(telegram: TelegramEmulator, post: Post, mia: Person) -> None:
    mia.blocks_bot()
    blocked = (403, "Forbidden: bot was blocked by the user")
    assert post("sendMessage", chat_id=mia.id, text="x") == blocked
    assert post("sendChatAction", chat_id=mia.id, action="typing") == blocked
    mia.unblocks_bot()
    assert post("sendMessage", chat_id=mia.id, text="x") == (200, "ok")
    statuses = [update["my_chat_member"]["new_chat_member"]["status"] for update in telegram.updates[1:]]
    assert statuses == ["kicked", "member"]


def test_the_bot_cannot_write_first(telegram: TelegramEmulator, post: Post, mia: Person) -> None:
    stranger = telegram.user("Tom")
    assert post("sendMessage", chat_id=stranger.id, text="x") == (400, "Bad Request: chat not found")
    telegram.group("Team", [mia, stranger])
    reason = "Forbidden: bot can't initiate conversation with a user"
    assert post("sendMessage", chat_id=stranger.id, text="x") == (403, reason)
    stranger.sends("/start")
    assert post("sendMessage", chat_id=stranger.id, text="x") == (200, "ok")


def test_a_group_can_throw_the_bot_out(telegram: TelegramEmulator, post: Post, mia: Person) -> None:
    team = telegram.group("Team", [mia])
    team.removes_bot(mia)
    kicked = (403, "Forbidden: bot was kicked from the supergroup chat")
    assert post("sendMessage", chat_id=team.id, text="x") == kicked
    team.adds_bot(mia)
    assert post("sendMessage", chat_id=team.id, text="x") == (200, "ok")


def test_a_group_can_silence_the_bot(telegram: TelegramEmulator, post: Post, mia: Person) -> None:
    team = telegram.group("Team", [mia])
    team.silences_bot(mia)
    silenced = (400, "Bad Request: not enough rights to send text messages to the chat")
    assert post("sendMessage", chat_id=team.id, text="x") == silenced
    assert telegram.updates[-1]["my_chat_member"]["new_chat_member"]["can_send_messages"] is False
    team.promotes(telegram.bot)
    assert post("sendMessage", chat_id=team.id, text="x") == (200, "ok")


def test_a_draft_goes_to_one_person_under_a_number(telegram: TelegramEmulator, post: Post, mia: Person) -> None:
    team = telegram.group("Team", [mia])
    assert post("sendMessageDraft", chat_id=mia.id, draft_id=0, text="x") == (400, "Bad Request: RANDOM_ID_INVALID")
    assert post("sendMessageDraft", chat_id=team.id, draft_id=1) == (400, "Bad Request: TEXTDRAFT_PEER_INVALID")
    assert (
        post("sendMessageDraft", chat_id=mia.id, draft_id=1, text="x" * 4097)[1] == "Bad Request: message is too long"
    )
    assert post("sendMessageDraft", chat_id=mia.id, draft_id=1) == (200, "ok")


def test_an_open_field_shows_no_more_than_64_letters(post: Post, mia: Person) -> None:
    markup = {"force_reply": True, "input_field_placeholder": "x" * 65}
    refused = post("sendMessage", chat_id=mia.id, text="x", reply_markup=markup)
    assert refused == (400, "Bad Request: input field placeholder is too long")


def test_an_upgraded_group_says_where_it_went(telegram: TelegramEmulator, mia: Person) -> None:
    team = telegram.group("Team", [mia], kind="group")
    new = team.upgrades()
    form = {"chat_id": str(team.id), "text": "x"}
    response = web.post(f"{telegram.api_url}/bot{telegram.token}/sendMessage", data=form)
    assert response.json() == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": new.id},
    }
    assert [update["message"].get("migrate_to_chat_id") for update in telegram.updates[-2:]] == [new.id, None]


def test_a_tap_can_be_answered_once_and_not_for_ever(telegram: TelegramEmulator, post: Post, mia: Person) -> None:
    too_old = (400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    assert post("answerCallbackQuery", callback_query_id="1") == too_old
    post("sendMessage", chat_id=mia.id, text="x", reply_markup=inline(callback_data="a"))
    tap = mia.taps(mia.chat.last, "Go")
    long = post("answerCallbackQuery", callback_query_id=tap.id, text="a" * 201)
    assert long == (400, "Bad Request: MESSAGE_TOO_LONG")
    assert post("answerCallbackQuery", callback_query_id=tap.id, text="a" * 200) == (200, "ok")
    assert post("answerCallbackQuery", callback_query_id=tap.id) == too_old
    late = mia.taps(mia.chat.last, "Go")
    telegram.expire_callbacks()
    assert post("answerCallbackQuery", callback_query_id=late.id) == too_old
    with pytest.raises(AssertionError):
        late.answer(timeout=0)


def test_a_tap_expires_by_itself(mia: Person) -> None:
    with TelegramEmulator(callback_seconds=0) as hasty:
        tom = hasty.user("Tom")
        tap = tom.taps_data(tom.sends("/start"), "a")
        response = web.post(f"{hasty.api_url}/bot{hasty.token}/answerCallbackQuery", json={"callback_query_id": tap.id})
        assert response.status_code == 400


@pytest.mark.parametrize(
    ("method", "parameters", "reason"),
    [
        ("sendChatAction", {"action": "thinking"}, "wrong parameter action in request"),
        ("sendDocument", {}, "there is no document in the request"),
        (
            "sendPhoto",
            {"photo": "nonsense"},
            "wrong remote file identifier specified: can't unserialize it. Wrong last symbol",
        ),
        ("getFile", {"file_id": "nonsense"}, "invalid file_id"),
        ("setMessageReaction", {"message_id": 1, "reaction": [{"type": "emoji", "emoji": "🧨"}]}, "REACTION_INVALID"),
        ("setMyCommands", {"commands": [{"command": "Größe", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        (
            "setMyCommands",
            {"commands": [{"command": "x", "description": " "}]},
            "command description must be non-empty",
        ),
        ("setWebhook", {"url": "ftp://example.org"}, "invalid webhook URL specified"),
        ("setWebhook", {"url": "https://x.org", "secret_token": "é"}, "secret token contains unallowed characters"),
        ("pinChatMessage", {"message_id": 77}, "message to pin not found"),
    ],
)
def test_other_methods_refuse_too(post: Post, mia: Person, method: str, parameters: dict, reason: str) -> None:
    assert post(method, chat_id=mia.id, **parameters) == (400, f"Bad Request: {reason}")


def test_big_and_broken_files_are_refused(telegram: TelegramEmulator, post: Post, mia: Person) -> None:
    big = mia.sends_file("big.mbox", b"x" * (20 * 1024 * 1024 + 1)).file
    assert big is not None
    assert post("getFile", file_id=big.file_id) == (400, "Bad Request: file is too big")
    url = f"{telegram.api_url}/bot{telegram.token}/sendPhoto"
    response = web.post(url, data={"chat_id": str(mia.id)}, files={"photo": ("a.png", b"not a picture")})
    assert response.json()["description"] == "Bad Request: IMAGE_PROCESS_FAILED"


def test_unknown_methods_and_wrong_tokens_get_what_telegram_gives(telegram: TelegramEmulator) -> None:
    unknown = web.get(f"{telegram.api_url}/bot{telegram.token}/makeCoffee")
    assert (unknown.status_code, unknown.json()) == (404, {"ok": False, "error_code": 404, "description": "Not Found"})
    wrong = web.get(f"{telegram.api_url}/bot1:wrong/getMe")
    assert (wrong.status_code, wrong.json()) == (401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
    assert web.get(f"{telegram.file_url}/bot{telegram.token}/documents/none").status_code == 404
    assert web.get(f"{telegram.file_url}/bot1:wrong/documents/none").status_code == 401
    assert web.get(f"{telegram.api_url}/").status_code == 404


def test_markdown_is_said_to_be_missing_rather_than_taken_for_tested(post: Post, mia: Person) -> None:
    assert post("sendMessage", chat_id=mia.id, text="*x*", parse_mode="MarkdownV2")[0] == 501


def test_parameters_may_come_in_any_of_the_four_ways(telegram: TelegramEmulator, mia: Person) -> None:
    url = f"{telegram.api_url}/bot{telegram.token}/SENDMESSAGE"
    fields = {"chat_id": str(mia.id), "text": "hé", "disable_notification": "true"}
    markup = inline(callback_data="a")
    answers = [
        web.post(url, json={**fields, "chat_id": mia.id, "disable_notification": True, "reply_markup": markup}),
        web.post(url, data={**fields, "reply_markup": json.dumps(markup)}),
        web.post(url, data={**fields, "reply_markup": json.dumps(markup)}, files={"unused": b"x"}),
        web.get(url, params={**fields, "reply_markup": json.dumps(markup)}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    shown = [(m.text, m.labels, m.disable_notification) for m in mia.chat.bot_messages]
    assert shown == [("hé", ["Go"], True)] * 4
    broken = web.post(url, content=b"[" * 100_000, headers={"content-type": "application/json"})
    assert broken.status_code == 400
