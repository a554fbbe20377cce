"""A bot written with pyTelegramBotAPI, which reads the emulator's answers its own way: groups and who leads them, commands by scope, drafts, the open field, refusals.

Run by the test beside it, in the environment of the other clients: `python telebot_check.py API_URL TOKEN`. It ends with status 0 when a person sent /quit and
nothing was off.
"""

# pyTelegramBotAPI is in the other environment, which the type checker does not look into.
# pyright: reportMissingImports=false

import io
import sys
import traceback
from collections.abc import Callable
from typing import Any

import telebot
from telebot import apihelper, types

problems: list[str] = []


def refused(expected: str, call: Callable[..., Any], *given: Any, **named: Any) -> None:
    """The call is refused in these words."""
    try:
        call(*given, **named)
    except apihelper.ApiTelegramException as refusal:
        if expected not in refusal.description:
            problems.append(f"{refusal.description!r} instead of {expected!r}")
        return
    problems.append(f"taken, where {expected!r} was due")


def hears(bot: telebot.TeleBot) -> None:
    @bot.message_handler(commands=["start"])
    def start(message: types.Message) -> None:
        words = (message.text or "").partition(" ")[2] or "nothing"
        bot.send_message(
            message.chat.id,
            f"<b>Opened</b> {words}",
            reply_markup=types.ForceReply(input_field_placeholder="Your name"),
        )

    @bot.message_handler(commands=["everything"])
    def everything(message: types.Message) -> None:
        chat = message.chat.id
        bot.set_my_commands([types.BotCommand("inbox", "What waits")], scope=types.BotCommandScopeAllPrivateChats())
        bot.set_my_commands(
            [types.BotCommand("nod", "Connect")], scope=types.BotCommandScopeAllGroupChats(), language_code="de"
        )
        bot.set_my_commands([types.BotCommand("rooms", "Who asks")], scope=types.BotCommandScopeAllChatAdministrators())
        assert [one.command for one in bot.get_my_commands(types.BotCommandScopeAllGroupChats(), "de")] == ["nod"]
        bot.send_message_draft(chat, 7, "Work")
        bot.send_message_draft(chat, 7, "Working")
        bot.send_chat_action(chat, "typing")
        bot.set_message_reaction(chat, message.message_id, [types.ReactionTypeEmoji("👌")])
        card = types.InlineKeyboardMarkup([[types.InlineKeyboardButton("Approve", callback_data="a")]])
        sent = bot.send_message(chat, "Card", reply_markup=card)
        bot.edit_message_text("Card, <i>changed</i>", chat, sent.message_id, reply_markup=card)
        given = bot.send_document(chat, types.InputFile(io.BytesIO(b"all of it"), "all.txt"), caption="As a file")
        assert given.document.file_name == "all.txt"
        refused("REACTION_INVALID", bot.set_message_reaction, chat, message.message_id, [types.ReactionTypeEmoji("🦖")])
        refused("RANDOM_ID_INVALID", bot.send_message_draft, chat, 0, "x")
        refused("message is too long", bot.send_message, chat, "x" * 4097)
        refused("can't parse entities", bot.send_message, chat, "<b>x")
        refused(
            "BUTTON_DATA_INVALID",
            bot.send_message,
            chat,
            "x",
            reply_markup=types.InlineKeyboardMarkup([[types.InlineKeyboardButton("x", callback_data="é" * 33)]]),
        )
        bot.send_message(chat, "All was read")

    @bot.message_handler(commands=["quit"])
    def leave(message: types.Message) -> None:
        bot.send_message(message.chat.id, "Bye")
        bot.stop_polling()

    @bot.message_handler(content_types=["new_chat_members"])
    def came(message: types.Message) -> None:
        bot.send_message(message.chat.id, f"{message.new_chat_members[0].first_name} came")

    @bot.message_handler(content_types=["migrate_to_chat_id"])
    def moves(message: types.Message) -> None:
        refused("upgraded to a supergroup", bot.send_message, message.chat.id, "x")
        bot.send_message(message.migrate_to_chat_id, "Here now")

    @bot.message_handler(func=lambda message: message.reply_to_message is not None)
    def replied(message: types.Message) -> None:
        bot.reply_to(message, f"Hello {message.text}")

    @bot.chat_member_handler()
    def member(change: types.ChatMemberUpdated) -> None:
        name = change.new_chat_member.user.first_name
        bot.send_message(change.chat.id, f"{name} is {change.new_chat_member.status}")

    @bot.my_chat_member_handler()
    def own(change: types.ChatMemberUpdated) -> None:
        if change.new_chat_member.status == "administrator":
            leading = [one.user.first_name for one in bot.get_chat_administrators(change.chat.id)]
            bot.send_message(change.chat.id, f"Leading: {', '.join(leading)}")
        if change.new_chat_member.status == "restricted":
            refused("not enough rights to send text messages", bot.send_message, change.chat.id, "x")

    @bot.callback_query_handler(func=lambda query: True)
    def tapped(query: types.CallbackQuery) -> None:
        refused("URL_INVALID", bot.answer_callback_query, query.id, url="https://example.org/")
        bot.answer_callback_query(query.id, f"You are {query.from_user.first_name}", show_alert=True)


class Handler(telebot.ExceptionHandler):
    def handle(self, exception: Exception) -> bool:
        problems.append("".join(traceback.format_exception(exception)))
        return True


def main(api_url: str, token: str) -> int:
    apihelper.API_URL = api_url + "/bot{0}/{1}"
    apihelper.FILE_URL = api_url + "/file/bot{0}/{1}"
    bot = telebot.TeleBot(token, parse_mode="HTML", threaded=False, exception_handler=Handler())
    hears(bot)
    kinds = ["message", "callback_query", "my_chat_member", "chat_member"]
    bot.polling(non_stop=True, allowed_updates=kinds, timeout=20, long_polling_timeout=20)
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
