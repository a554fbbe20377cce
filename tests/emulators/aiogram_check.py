"""A bot written with aiogram, which parses every answer and update of the emulator into its own models.

Run by the test beside it, in an environment of its own, because aiogram wants an older pydantic than the product:
`python aiogram_check.py API_URL TOKEN`. It ends with status 0 when a person sent /quit and nothing was off.
"""

# aiogram is in the other environment, which the type checker does not look into.
# pyright: reportMissingImports=false

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiogram import Bot, Dispatcher, F
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramMigrateToChat, TelegramRetryAfter
from aiogram.filters import Command
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChatMember,
    BufferedInputFile,
    CallbackQuery,
    ChatMemberUpdated,
    ErrorEvent,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    KeyboardButton,
    LinkPreviewOptions,
    Message,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
    Update,
)
from pydantic import BaseModel

CARD = InlineKeyboardMarkup(
    inline_keyboard=[
        [InlineKeyboardButton(text="Approve", callback_data="a:1")],
        [InlineKeyboardButton(text="Open", url="https://example.org/")],
    ]
)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff3f0005fe02fe0def46b8"
    "0000000049454e44ae426082"
)
problems: list[str] = []


def fields_that_no_model_has(value: Any, path: str) -> Iterator[str]:
    """Names that the emulator sends and the Bot API does not define."""
    if isinstance(value, BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from fields_that_no_model_has(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for one in value:
            yield from fields_that_no_model_has(one, path)


class Strict(BaseRequestMiddleware):
    """Looks through every result for fields that aiogram does not know."""

    async def __call__(self, make_request: Any, bot: Bot, method: Any) -> Any:
        result = await make_request(bot, method)
        problems.extend(fields_that_no_model_has(result, type(method).__name__))
        return result


async def strict_update(
    handler: Callable[[Update, dict[str, Any]], Awaitable[Any]], update: Update, data: dict[str, Any]
) -> Any:
    problems.extend(fields_that_no_model_has(update, "Update"))
    return await handler(update, data)


async def start(message: Message, bot: Bot) -> None:
    me = await bot.get_me()
    assert message.from_user is not None
    await message.answer(
        f"<b>Hello</b> {message.from_user.first_name}, I am <i>{me.username}</i>",
        reply_markup=CARD,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
        protect_content=True,
    )


async def tapped(query: CallbackQuery) -> None:
    await query.answer("Approved", show_alert=True)
    assert isinstance(query.message, Message)
    await query.message.edit_text("<s>Hello</s> done", reply_markup=CARD)
    await query.message.edit_reply_markup(reply_markup=None)


async def document(message: Message, bot: Bot) -> None:
    assert message.document is not None
    content = await bot.download(message.document)
    assert content is not None
    await message.reply_document(BufferedInputFile(content.read(), "copy.eml"), caption="<code>copy</code>")


async def everything_else(message: Message, bot: Bot) -> None:
    chat = message.chat.id
    await bot.send_chat_action(chat, "typing")
    await bot.set_my_commands([BotCommand(command="inbox", description="What waits")], BotCommandScopeAllPrivateChats())
    await bot.get_my_commands(BotCommandScopeAllPrivateChats())
    await bot.delete_my_commands(BotCommandScopeAllPrivateChats())
    await bot.set_my_description("Suggests")
    await bot.get_my_description()
    await bot.set_my_short_description("Suggests")
    await bot.get_my_short_description()
    await bot.get_webhook_info()
    await bot.set_my_commands([BotCommand(command="nod", description="Connect")], BotCommandScopeAllGroupChats(), "de")
    await bot.get_my_commands(BotCommandScopeChatMember(chat_id=chat, user_id=chat))
    await bot.send_message_draft(chat_id=chat, draft_id=1, text="<b>Work</b>")
    await bot.set_message_reaction(chat, message.message_id, [ReactionTypeEmoji(emoji="👍")])
    photo = await bot.send_photo(chat, BufferedInputFile(PIXEL, "chart.png"), caption="one", reply_markup=CARD)
    await photo.edit_caption(caption="two")
    await photo.edit_media(InputMediaPhoto(media=BufferedInputFile(PIXEL, "chart.png"), caption="three"))
    await photo.pin()
    await bot.get_chat(chat)
    await photo.unpin()
    await bot.get_chat_member(chat, chat)
    await photo.delete()
    answer = await bot.send_message(chat, "Which?", reply_markup=ForceReply())
    await bot.send_message(
        chat,
        "Yes?",
        reply_parameters=ReplyParameters(message_id=answer.message_id),
        reply_markup=ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Yes")]]),
    )
    await bot.send_message(chat, "No", reply_markup=ReplyKeyboardRemove())
    await bot.delete_messages(chat, [answer.message_id])
    await message.answer("All was read")


async def refused(message: Message, bot: Bot) -> None:
    """The test has ordered one refusal of each class for these calls."""
    for expected in (TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter, TelegramMigrateToChat):
        try:
            await bot.send_message(message.chat.id, "<b>x")
        except expected:
            continue
        problems.append(f"no {expected.__name__}")
    await message.answer("All was refused")


async def member(change: ChatMemberUpdated, bot: Bot) -> None:
    if change.chat.type != "private":
        await bot.get_chat_administrators(change.chat.id)
        await bot.get_chat_member(change.chat.id, bot.id)
        await bot.send_message(change.chat.id, f"Now {change.new_chat_member.status}")


async def came(change: ChatMemberUpdated, bot: Bot) -> None:
    await bot.send_message(
        change.chat.id, f"{change.new_chat_member.user.first_name} is {change.new_chat_member.status}"
    )


async def edited(message: Message) -> None:
    await message.answer(f"Changed to {message.text}")


async def reacted(reaction: MessageReactionUpdated, bot: Bot) -> None:
    await bot.send_message(reaction.chat.id, f"{len(reaction.new_reaction)} reaction")


async def failed(event: ErrorEvent) -> None:
    problems.append("".join(traceback.format_exception(event.exception)))


async def main(api_url: str, token: str) -> int:
    session = AiohttpSession(api=TelegramAPIServer.from_base(api_url))
    session.middleware(Strict())
    dispatcher = Dispatcher()
    dispatcher.update.outer_middleware(strict_update)
    dispatcher.message.register(start, Command("start"))
    dispatcher.message.register(everything_else, Command("everything"))
    dispatcher.message.register(refused, Command("refused"))
    dispatcher.message.register(document, F.document)
    dispatcher.callback_query.register(tapped)
    dispatcher.my_chat_member.register(member)
    dispatcher.chat_member.register(came)
    dispatcher.edited_message.register(edited)
    dispatcher.message_reaction.register(reacted)
    dispatcher.error.register(failed)

    async def leave(message: Message) -> None:
        await message.answer("Bye")
        await dispatcher.stop_polling()

    dispatcher.message.register(leave, Command("quit"))
    async with Bot(token, session, DefaultBotProperties(parse_mode="HTML")).context() as bot:
        await dispatcher.start_polling(bot, handle_signals=False, polling_timeout=20)
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
