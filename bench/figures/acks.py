"""How long a tap waits for its answer at the platforms, fifty taps a second: Telegram's answerCallbackQuery, and Slack's acknowledgement. Every tap approves a card of
its own; taken where the platform sees it, at the emulators."""

import os
import random
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

from storage import open_storage

from bench.doors import cards, linked, paced, slack_door, telegram_door, telegram_people, until
from bench.figure import Figure, quantile
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.world import World, fresh_world

RATE, WARM = 50, 50
PEOPLE = 100
AIM = 0.3


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Two processes of Telegram's door (one handles what comes, one delivers), one of Slack's, a worker and a scheduler."""
    for door, once in (("telegram", _telegram), ("slack", _slack)):
        figures = [
            Figure(f"{door}_ack_{part}_ms", f"{door}: tap → answer, {RATE} a second: {part}", "ms", aim=aim)
            for part, aim in (("p50", ""), ("p99", "≤ 300"))
        ]
        for number in range(1, plan.rounds + 1):
            with fresh_world(rig, PEOPLE) as world:
                world.processes.worker()
                world.processes.scheduler()
                seconds = once(world, WARM + RATE * (plan.seconds if plan.quick else 4 * plan.seconds))
            for figure, part in zip(figures, (0.5, 0.99), strict=True):
                figure.samples.append(1000 * quantile(seconds, part))
            say(
                f"{door}: p50 {figures[0].samples[-1]:.1f}, p99 {figures[1].samples[-1]:.1f} ms ({number} of {plan.rounds})"
            )
        for figure in figures:
            figure.load = os.getloadavg()[0]
            yield figure


def _telegram(world: World, taps: int) -> list[float]:
    with telegram_door(world, 2) as (telegram, _), closing(open_storage(world.settings)) as storage:
        each = -(-taps // PEOPLE)
        phones = [phone for phone, _ in telegram_people(telegram, storage, world.people)]
        cards(storage, world.people, each)
        until(lambda: all(len(phone.chat.bot_messages) == each for phone in phones), "the coming of the cards")
        presses = [partial(_press, phone, shown) for phone in phones for shown in phone.chat.bot_messages]
        random.Random(7).shuffle(presses)
        pressed, late = paced(presses[:taps], RATE)
        until(lambda: all(tap.answered for tap in pressed), "an answer to every tap")
        ended = {
            call.params["callback_query_id"]: call.ended
            for call in telegram.calls_to("answerCallbackQuery")
            if call.status == 200
        }
        wrong = [tap.toast for tap in pressed if "pproved" not in (tap.toast or "")]
    _checked(wrong, late)
    return [ended[tap.id] - tap.at for tap in pressed[WARM:]]


def _press(phone: Any, shown: Any) -> Any:
    return phone.taps(shown, "Approve")


def _slack(world: World, taps: int) -> list[float]:
    with slack_door(world) as (_, team), closing(open_storage(world.settings)) as storage:
        each = -(-taps // PEOPLE)
        desks = [team.person(f"Person {number}", locale="en-GB", tz="Europe/Berlin") for number in range(PEOPLE)]
        for desk, person in zip(desks, world.people, strict=True):
            linked(storage, person, "slack", desk.id, desk.dm.id, team.id)
        cards(storage, world.people, each)
        until(lambda: all(len(desk.dm.bot_messages) == each for desk in desks), "the coming of the cards")
        presses = [partial(_press, desk, shown) for desk in desks for shown in desk.dm.bot_messages]
        random.Random(7).shuffle(presses)
        pressed, late = paced(presses[:taps], RATE)
        until(lambda: all(tap.acked for tap in pressed), "an acknowledgement of every tap")
        until(lambda: world.number("SELECT count(*) FROM nod.approvals") == taps, "a decision by every tap")
        wrong = [tap for tap in pressed if len(tap.attempts) > 1]
    _checked(wrong, late)
    return [tap.seconds for tap in pressed[WARM:]]


def _checked(wrong: list[Any], late: float) -> None:
    if wrong:
        raise RuntimeError(f"{len(wrong)} taps were not answered as they should: {wrong[:3]}")
    if late > AIM:
        say(f"the taps themselves came up to {1000 * late:.0f} ms late: the machine is too slow to press so many")
