"""python-telegram-bot drives every method of the emulator, and the people in it see what it did."""

import pytest
from telegram import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatMember,
    ChatMemberAdministrator,
    ChatMemberMember,
    ChatMemberOwner,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LinkPreviewOptions,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
    WebhookInfo,
)
from telegram.constants import ParseMode

from .conftest import SyncBot
from .telegram import NoSuchButton, Person, TelegramEmulator
from .telegram.methods import METHODS


def keyboard(*rows: list[tuple[str, str]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(text, callback_data=data) for text, data in row] for row in rows]
    )


@pytest.fixture
def mia(telegram: TelegramEmulator) -> Person:
    """Somebody who has started the bot."""
    person = telegram.user("Mia", username="mia_example", language_code="de")
    person.sends("/start")
    return person


def updates(bot: SyncBot, offset: int = 0, **kwargs: object) -> list:
    return list(bot.get_updates(offset=offset, timeout=5, **kwargs))


def test_the_bot_learns_its_own_name(telegram: TelegramEmulator, bot: SyncBot) -> None:
    me = bot.get_me()
    assert (me.id, me.is_bot, me.username) == (telegram.bot.id, True, "nod_test_bot")
    assert me.can_read_all_group_messages is False


def test_what_a_person_writes_arrives_as_an_update_with_its_command_marked(
    telegram: TelegramEmulator, bot: SyncBot, mia: Person
) -> None:
    mia.sends("/connect imap.example.org and mail me@example.org 😀 @nod_test_bot #spam")
    first, second = updates(bot)
    assert second.update_id == first.update_id + 1
    assert first.message.text == "/start"
    assert first.message.from_user.language_code == "de"
    assert first.message.chat.type == "private" and first.message.chat.id == mia.id
    assert first.message.parse_entities() == {MessageEntity("bot_command", 0, 6): "/start"}
    found = {entity.type: words for entity, words in second.message.parse_entities().items()}
    assert found["bot_command"] == "/connect"
    assert (found["email"], found["mention"], found["hashtag"]) == ("me@example.org", "@nod_test_bot", "#spam")
    assert second.message.message_id == first.message.message_id + 1


def test_sent_html_is_shown_as_text_with_entities(bot: SyncBot, mia: Person) -> None:
    sent = bot.send_message(
        mia.id,
        '<b>Offer</b> 😀 &lt;3 <i>by <u>Tuesday</u></i> <a href="https://example.org/a">link</a>',
        parse_mode=ParseMode.HTML,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
        protect_content=True,
        disable_notification=True,
    )
    shown = mia.chat.last
    assert sent.text == shown.text == "Offer 😀 <3 by Tuesday link"
    assert [(span.type, span.text, span.url) for span in shown.spans] == [
        ("bold", "Offer", None),
        ("italic", "by Tuesday", None),
        ("underline", "Tuesday", None),
        ("text_link", "link", "https://example.org/a"),
    ]
    assert sent.parse_entity(sent.entities[3]) == "link"
    assert shown.protect_content and shown.disable_notification
    assert sent.has_protected_content and sent.link_preview_options.is_disabled
    assert sent.date.timestamp() == shown.date


def test_nothing_else_is_formatted_or_linked_inside_code(bot: SyncBot, mia: Person) -> None:
    html = "<b>run <code>/stop https://example.org</code> now</b> <pre><code class='language-sh'>ls</code></pre>"
    sent = bot.send_message(mia.id, html, parse_mode="HTML")
    assert [(span.type, span.text) for span in mia.chat.last.spans] == [
        ("bold", "run "),
        ("code", "/stop https://example.org"),
        ("bold", " now"),
        ("pre", "ls"),
    ]
    assert sent.entities[-1].language == "sh"


def test_entities_may_be_given_instead_of_markup(bot: SyncBot, mia: Person) -> None:
    bot.send_message(mia.id, "  😀 bold", entities=[MessageEntity("bold", 5, 4)])
    assert mia.chat.last.text == "😀 bold"
    assert [(span.type, span.text) for span in mia.chat.last.spans] == [("bold", "bold")]


def test_a_tap_is_found_by_its_label_and_answered_with_a_toast(bot: SyncBot, mia: Person) -> None:
    bot.send_message(
        mia.id, "Reply?", reply_markup=keyboard([("✅ Approve", "a:1"), ("Reject", "r:1")], [("Details", "d")])
    )
    card = mia.chat.wait_for_text("Reply?")
    assert card.keyboard == [["✅ Approve", "Reject"], ["Details"]]

    tap = mia.taps(card, "Approve")
    assert not tap.answered
    query = updates(bot)[-1].callback_query
    assert (query.id, query.data, query.from_user.id) == (tap.id, "a:1", mia.id)
    assert query.message.message_id == card.id and query.message.text == "Reply?"
    bot.answer_callback_query(query.id, text="Approved", show_alert=True)

    toast = tap.answer()
    assert toast == "Approved" and toast.show_alert


def test_nobody_can_tap_a_button_that_is_not_shown(bot: SyncBot, mia: Person) -> None:
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("Open", url="https://example.org")]])
    bot.send_message(mia.id, "Look", reply_markup=markup)
    with pytest.raises(NoSuchButton):
        mia.taps(mia.chat.last, "Approve")
    with pytest.raises(NoSuchButton):
        mia.taps(mia.chat.last, "Open")
    forged = mia.taps_data(mia.chat.last, "a:of-another-person")
    assert updates(bot)[-1].callback_query.data == forged.data


def test_every_version_of_an_edited_message_is_kept(bot: SyncBot, mia: Person) -> None:
    sent = bot.send_message(mia.id, "one", reply_markup=keyboard([("Approve", "a")]))
    card = mia.chat.last
    bot.edit_message_text(
        "<b>two</b>", mia.id, sent.message_id, parse_mode="HTML", reply_markup=keyboard([("Undo", "u")])
    )
    assert (card.text, card.labels) == ("two", ["Undo"])
    edited = bot.edit_message_reply_markup(mia.id, sent.message_id)
    assert edited.edit_date is not None and edited.reply_markup is None
    assert [(version.text, version.markup is None) for version in card.versions] == [
        ("one", False),
        ("two", False),
        ("two", True),
    ]
    card.wait_for(lambda message: not message.buttons)


def test_files_go_both_ways(bot: SyncBot, mia: Person) -> None:
    mia.sends_file("mail.eml", b"From: a@example.org\r\n\r\nHi", "message/rfc822", caption="this one")
    message = updates(bot)[-1].message
    assert (message.document.file_name, message.document.mime_type) == ("mail.eml", "message/rfc822")
    assert message.caption == "this one"
    file = bot.get_file(message.document.file_id)
    assert bytes(bot.run(file.download_as_bytearray())) == b"From: a@example.org\r\n\r\nHi"

    sent = bot.send_document(mia.id, b"a,b\n1,2\n", filename="täble.csv", caption="<b>yours</b>", parse_mode="HTML")
    shown = mia.chat.last
    assert shown.file is not None
    assert (shown.file.name, shown.file.content) == ("täble.csv", b"a,b\n1,2\n")
    assert (shown.text, [span.type for span in shown.spans]) == ("yours", ["bold"])
    again = bot.send_document(mia.id, sent.document.file_id)
    assert again.document.file_unique_id == sent.document.file_unique_id


def test_pictures_are_sent_replaced_and_received(bot: SyncBot, mia: Person, png: bytes) -> None:
    sent = bot.send_photo(mia.id, png, caption="Chart", reply_markup=keyboard([("Older", "o")]))
    assert (sent.photo[-1].width, sent.photo[-1].height) == (3, 2)
    bot.edit_message_caption(mia.id, sent.message_id, caption="Chart of May")
    assert mia.chat.last.text == "Chart of May" and mia.chat.last.labels == []
    changed = bot.edit_message_media(InputMediaPhoto(png, caption="June"), mia.id, sent.message_id)
    assert changed.photo[-1].file_id != sent.photo[-1].file_id and changed.caption == "June"
    mia.sends_photo(png)
    assert updates(bot)[-1].message.photo[-1].file_size == len(png)


def test_replies_point_to_what_they_answer(bot: SyncBot, mia: Person) -> None:
    question = bot.send_message(mia.id, "Which folder?", reply_markup=ForceReply(input_field_placeholder="INBOX"))
    mia.replies(mia.chat.last, "Archive")
    answer = updates(bot)[-1].message
    assert answer.reply_to_message.message_id == question.message_id
    bot.send_message(mia.id, "Thanks", reply_parameters=ReplyParameters(answer.message_id))
    reply_to = mia.chat.last.reply_to
    assert reply_to is not None and reply_to.text == "Archive"


def test_reply_keyboards_send_their_words(bot: SyncBot, mia: Person) -> None:
    bot.send_message(mia.id, "Continue?", reply_markup=ReplyKeyboardMarkup([["Yes", "No"]], one_time_keyboard=True))
    mia.presses("Yes")
    assert updates(bot)[-1].message.text == "Yes"
    bot.send_message(mia.id, "Good", reply_markup=ReplyKeyboardRemove())
    with pytest.raises(NoSuchButton):
        mia.presses("Yes")


def test_messages_are_deleted_by_either_side(bot: SyncBot, mia: Person) -> None:
    sent = bot.send_message(mia.id, "secret")
    card = mia.chat.last
    assert bot.delete_message(mia.id, sent.message_id)
    card.wait_until_deleted()
    assert card not in mia.chat.messages
    assert bot.delete_messages(mia.id, [mia.chat.messages[0].id])
    assert mia.chat.messages == []


def test_a_person_can_edit_and_react(bot: SyncBot, mia: Person) -> None:
    written = mia.sends("every day at 9")
    updates(bot, allowed_updates=["message", "edited_message", "message_reaction"])
    mia.edits(written, "every day at 10")
    assert updates(bot)[-1].edited_message.text == "every day at 10"
    bot.set_message_reaction(mia.id, written.id, "👍")
    assert [one["emoji"] for reactions in written.reactions.values() for one in reactions] == ["👍"]
    bot.send_message(mia.id, "Noted")
    mia.reacts(mia.chat.last, "👎")
    reaction = updates(bot)[-1].message_reaction
    assert reaction.user.id == mia.id and reaction.new_reaction[0].emoji == "👎"


def test_commands_and_descriptions_are_kept_per_scope_and_language(
    telegram: TelegramEmulator, bot: SyncBot, mia: Person
) -> None:
    assert bot.set_my_commands([BotCommand("inbox", "What waits for you"), BotCommand("/new", "A new agent")])
    assert bot.set_my_commands([("inbox", "Was auf dich wartet")], language_code="de")
    assert bot.set_my_commands([("stop", "Stop")], scope=BotCommandScopeChat(mia.id))
    assert [command.command for command in bot.get_my_commands()] == ["inbox", "new"]
    assert bot.get_my_commands(language_code="de")[0].description == "Was auf dich wartet"
    assert telegram.commands({"type": "chat", "chat_id": mia.id})[0]["command"] == "stop"
    assert bot.delete_my_commands(language_code="de") and telegram.commands(language_code="de") == []
    assert bot.set_my_description("Suggests, never acts", language_code="de")
    assert bot.set_my_short_description("Suggests")
    assert bot.get_my_description(language_code="de").description == "Suggests, never acts"
    assert bot.get_my_short_description(language_code="fr").short_description == "Suggests"
    assert telegram.descriptions["short_description", ""] == "Suggests"


def test_chats_members_and_pins_are_readable(telegram: TelegramEmulator, bot: SyncBot, mia: Person) -> None:
    tom = telegram.user("Tom")
    team = telegram.group("Team", [mia, tom])
    assert bot.get_chat(mia.id).username == "mia_example"
    assert bot.get_chat(team.id).title == "Team"
    assert isinstance(bot.get_chat_member(team.id, mia.id), ChatMemberOwner)
    assert isinstance(bot.get_chat_member(team.id, tom.id), ChatMemberMember)
    assert [member.user.id for member in bot.get_chat_administrators(team.id)] == [mia.id]
    team.statuses[telegram.bot.id] = "administrator"
    assert isinstance(bot.get_chat_member(team.id, telegram.bot.id), ChatMemberAdministrator)
    sent = bot.send_message(team.id, "Pin me")
    assert bot.pin_chat_message(team.id, sent.message_id) and team.pinned == [team.last]
    assert bot.get_chat(team.id).pinned_message.text == "Pin me"
    assert bot.unpin_chat_message(team.id) and team.pinned == []
    assert bot.leave_chat(team.id) and team.statuses[telegram.bot.id] == "left"


def test_the_typing_sign_is_seen(bot: SyncBot, mia: Person) -> None:
    assert bot.send_chat_action(mia.id, "typing")
    assert mia.chat.actions == ["typing"]


def test_a_draft_is_seen_until_the_message_comes(bot: SyncBot, mia: Person) -> None:
    assert bot.send_message_draft(mia.id, 5, "<b>Look</b>", parse_mode=ParseMode.HTML)
    assert bot.send_message_draft(mia.id, 5, "Looking")
    assert mia.chat.draft is not None and mia.chat.draft.text == "Looking"
    assert [entity["type"] for entity in mia.chat.drafts[0].entities] == ["bold"]
    bot.send_message(mia.id, "Found")
    assert mia.chat.draft is None and [draft.id for draft in mia.chat.drafts] == [5, 5]


def test_a_client_offers_the_commands_of_the_narrowest_scope(
    telegram: TelegramEmulator, bot: SyncBot, mia: Person
) -> None:
    tom = telegram.user("Tom", language_code="fr")
    team = telegram.group("Team", [mia, tom])
    bot.set_my_commands([("help", "Help")])
    bot.set_my_commands([("inbox", "Inbox")], scope=BotCommandScopeAllPrivateChats())
    bot.set_my_commands([("inbox", "Eingang")], scope=BotCommandScopeAllPrivateChats(), language_code="de")
    bot.set_my_commands([("nod", "Connect")], scope=BotCommandScopeAllGroupChats())
    bot.set_my_commands([("rooms", "Rooms")], scope=BotCommandScopeAllChatAdministrators())
    assert mia.menu() == [{"command": "inbox", "description": "Eingang"}]
    assert tom.menu() == [{"command": "inbox", "description": "Inbox"}]
    assert tom.menu(team)[0]["command"] == "nod" and mia.menu(team)[0]["command"] == "rooms"
    bot.set_my_commands([("stop", "Stop")], scope=BotCommandScopeChatMember(team.id, tom.id))
    assert tom.menu(team)[0]["command"] == "stop"


def test_a_link_opens_the_bot_with_its_parameter(telegram: TelegramEmulator, bot: SyncBot, mia: Person) -> None:
    assert mia.opens("https://t.me/nod_test_bot?start=s-abc_1").text == "/start s-abc_1"
    assert mia.opens("tg://resolve?domain=nod_test_bot&start=x").text == "/start x"
    team = telegram.group("Team", [mia], with_bot=False)
    assert mia.opens("https://t.me/nod_test_bot?startgroup=y", chat=team).text == "/start@nod_test_bot y"
    assert isinstance(bot.get_chat_member(team.id, telegram.bot.id), ChatMemberMember)
    for wrong in (
        "https://t.me/another_bot?start=x",
        "https://t.me/nod_test_bot?start=a.b",
        "http://t.me/nod_test_bot",
    ):
        with pytest.raises(AssertionError):
            mia.opens(wrong)


def test_only_who_is_asked_gets_an_open_field(telegram: TelegramEmulator, bot: SyncBot, mia: Person) -> None:
    tom = telegram.user("Tom", username="tom_example")
    team = telegram.group("Team", [mia, tom])
    asked = mia.sends("/new", chat=team)
    bot.send_message(
        team.id, "Name?", reply_parameters=ReplyParameters(asked.id), reply_markup=ForceReply(selective=True)
    )
    assert mia.answers("Inbox", chat=team).reply_to is team.last
    with pytest.raises(AssertionError, match="nothing asks Tom"):
        tom.answers("No", chat=team)
    bot.send_message(team.id, "And you, @tom_example?", reply_markup=ForceReply(selective=True))
    assert tom.answers("Yes", chat=team).reply_to is team.last


def test_people_come_lead_and_go(telegram: TelegramEmulator, bot: SyncBot, mia: Person) -> None:
    team = telegram.group("Team", [mia])
    ann = telegram.user("Ann")
    team.adds(ann)
    team.promotes(telegram.bot)
    team.promotes(ann)
    team.demotes(ann)
    team.removes(ann)
    mia.sends("lunch?", chat=team, anonymously=True)
    seen = updates(bot, allowed_updates=["message", "my_chat_member", "chat_member"])
    told = [update.message for update in seen if update.message]
    assert told[2].new_chat_members[0].first_name == "Ann" and told[3].left_chat_member.first_name == "Ann"
    assert told[4].from_user.username == "GroupAnonymousBot" and told[4].sender_chat.id == team.id


def test_in_a_group_the_bot_hears_only_what_is_meant_for_it(
    telegram: TelegramEmulator, bot: SyncBot, mia: Person
) -> None:
    tom = telegram.user("Tom")
    team = telegram.group("Team", [mia, tom])
    tom.sends("lunch?", chat=team)
    tom.sends("/inbox@another_bot", chat=team)
    tom.sends("/inbox", chat=team)
    tom.sends("hey @nod_test_bot", chat=team)
    bot.send_message(team.id, "Card", reply_markup=keyboard([("Approve", "a")]))
    tom.replies(team.last, "looks good")
    tom.taps(team.last, "Approve")
    seen = updates(bot)
    assert seen[1].my_chat_member.new_chat_member.status == "member"
    assert seen[2].message.new_chat_members[0].username == "nod_test_bot"
    assert [update.message.text for update in seen if update.message][2:] == [
        "/inbox",
        "hey @nod_test_bot",
        "looks good",
    ]
    assert seen[-1].callback_query.from_user.id == tom.id and seen[-1].callback_query.message.chat.id == team.id


def test_the_webhook_is_set_described_and_removed(bot: SyncBot, mia: Person) -> None:
    url = "http://127.0.0.1:9/telegram/webhook"
    assert bot.set_webhook(url, secret_token="s-1", max_connections=7, allowed_updates=["message"])
    info = bot.get_webhook_info()
    assert (info.url, info.max_connections, tuple(info.allowed_updates)) == (url, 7, ("message",))
    assert info.pending_update_count == 1
    assert bot.delete_webhook(drop_pending_updates=True)
    assert bot.get_webhook_info() == WebhookInfo("", False, 0, allowed_updates=["message"])


def test_every_call_is_in_the_log(telegram: TelegramEmulator, bot: SyncBot, mia: Person) -> None:
    bot.send_message(mia.id, "Hello")
    call = telegram.wait_for_call("sendMessage", lambda call: call.params["text"] == "Hello")
    assert (call.status, call.response["result"]["text"]) == (200, "Hello")
    assert call.params["chat_id"] == str(mia.id) and call.began <= call.ended


def test_each_emulated_method_is_driven_by_some_test_here() -> None:
    with open(__file__, encoding="utf-8") as source:
        tests = source.read().replace("_", "").lower()
    assert [name for name in METHODS if f"bot.{name}(" not in tests] == []
