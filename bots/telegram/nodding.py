"""A reaction to what somebody wrote: understood. It says no more than that; the answer is a message."""

import telegram
from telegram.error import TelegramError

UNDERSTOOD = "👌"


async def nod(bot: telegram.Bot, message: telegram.Message) -> bool:
    """Whether it stands there: a group may have no reactions."""
    try:
        return await bot.set_message_reaction(message.chat.id, message.message_id, UNDERSTOOD)
    except TelegramError:
        return False
