"""What starts an agent, a pack or a workflow: all of its triggers, each with its times, its policies and what became of it."""

from typing import Any
from uuid import UUID

from bots.dialogs import targets, ways
from bots.dialogs.trigger_words import BODY, address, describe, firing, listed, next_times
from bots.kit import clean, forms
from bots.kit.dialog import Chat, Reply, Text, action, unasked
from bots.kit.screen import Block, Bullets, Button, Facts, Form, Heading, Paragraph, Quote, Screen, row
from core.workflows.match import heard, start_by_hand
from core.workflows.models import Trigger
from core.workflows.trigger import change_trigger, pause_trigger, remove_trigger, resume_trigger, rotate_secret, spec_of

MOST = 40
LATELY = 6
LABEL = 60
MISFIRE = ("skip", "once", "all")
OVERLAP = ("skip", "queue", "allow")


@action("triggers.open")
def open_triggers(chat: Chat, kind: str, id: str) -> Reply:
    """The list."""
    name = targets.named(chat, kind, id)
    mine = chat.work.triggers.page(None, MOST, **targets.only(kind, id))
    blocks: list[Block] = [Heading(text=chat.say("triggers.heading", what=name))]
    blocks.append(Paragraph(text=chat.say("triggers.what" if mine else "triggers.none")))
    rows = [
        row(Button(label=clean.line(listed(chat, one), LABEL), action="trigger.open", args=(str(one.id),)))
        for one in mine
    ]
    add = [
        Button(label=chat.say(f"triggers.add.{what}"), action=f"trigger.add_{what}", args=(kind, id))
        for what in ("schedule", "event", "webhook")
    ]
    screen = Screen(blocks=tuple(blocks), buttons=ways.rows(*rows, add, row(targets.back(chat, kind, id))))
    return Reply(screen, mode=chat.in_place)


@unasked("words")
def by_phrase(chat: Chat) -> Reply | None:
    """Words that begin with the phrase of a chat trigger start what it starts."""
    assert isinstance(chat.input, Text)
    trigger = heard(chat.work, chat.input.text)
    if trigger is None:
        return None
    run = start_by_hand(chat.work, chat.actor, trigger.id, chat.input.text)
    return Reply(subject=("run", run.id))


@action("trigger.open")
def open_trigger(chat: Chat, trigger_id: str) -> Reply:
    """One of them."""
    return Reply(page(chat, chat.work.triggers.get(UUID(trigger_id))), mode=chat.in_place)


def page(chat: Chat, trigger: Trigger, told: str = "", secret: str = "") -> Screen:
    """A trigger as it is now. `secret` is shown this once."""
    kind, id = targets.of(trigger)
    blocks: list[Block] = [Heading(text=targets.named(chat, kind, id))]
    if told:
        blocks.append(Paragraph(text=told))
    blocks.append(Paragraph(text=chat.say("trigger.starts", told=describe(chat, trigger))))
    if trigger.status == "paused":
        blocks.append(Paragraph(text=chat.say("trigger.held")))
    if trigger.type == "schedule":
        blocks += _schedule(chat, trigger)
    if trigger.type == "webhook":
        blocks += _webhook(chat, trigger, secret)
    if trigger.filter:
        blocks.append(Facts(rows=((chat.say("trigger.filter"), trigger.filter),)))
    blocks += _lately(chat, trigger)
    if secret:
        hide = Button(label=chat.say("trigger.copied"), action="trigger.open", args=(str(trigger.id),), style="primary")
        return Screen(blocks=tuple(blocks), buttons=(row(hide),))
    return Screen(blocks=tuple(blocks), buttons=_buttons(chat, trigger, kind, id))


def _schedule(chat: Chat, trigger: Trigger) -> list[Block]:
    policies = Facts(
        rows=(
            (chat.say("trigger.misfire"), chat.say(f"trigger.misfire.{trigger.misfire_policy}")),
            (chat.say("trigger.overlap"), chat.say(f"trigger.overlap.{trigger.overlap}")),
        )
    )
    if trigger.status == "paused":
        return [policies]
    items = next_times(chat, trigger)
    return [Paragraph(text=chat.say("trigger.ahead", n=len(items))), Bullets(items=items), policies]


def _webhook(chat: Chat, trigger: Trigger, secret: str) -> list[Block]:
    where = address(trigger)
    blocks: list[Block] = [Facts(rows=((chat.say("trigger.address"), where),))]
    if secret:
        blocks += [Facts(rows=((chat.say("trigger.secret"), secret),)), Paragraph(text=chat.say("trigger.secret.once"))]
    curl = chat.say("trigger.curl", body=BODY, address=where)
    return [*blocks, Paragraph(text=chat.say("trigger.curl.how"), muted=True), Quote(text=curl, exact=True)]


def _lately(chat: Chat, trigger: Trigger) -> list[Block]:
    made = chat.work.triggers.firings(trigger.id, None, LATELY)
    if made:
        items = tuple(firing(chat, one) for one in made)
        return [Paragraph(text=chat.say("trigger.lately")), Bullets(items=items)]
    if trigger.last_fired_at is not None:
        return [Paragraph(text=chat.say("trigger.last", at=trigger.last_fired_at), muted=True)]
    return [Paragraph(text=chat.say("trigger.never"), muted=True)]


def _buttons(chat: Chat, trigger: Trigger, kind: str, id: str) -> tuple[tuple[Button, ...], ...]:
    args = (str(trigger.id),)
    switch = "trigger.resume" if trigger.status == "paused" else "trigger.pause"
    more = {"schedule": "trigger.policies", "webhook": "trigger.new_secret"}.get(trigger.type)
    run = trigger.last_run_id
    return ways.rows(
        row(
            Button(label=chat.say(switch), action=switch, args=args),
            Button(label=chat.say(more), action=more, args=args) if more else None,
        ),
        row(Button(label=chat.say("trigger.last_run"), action="run.open", args=(str(run),)) if run else None),
        row(
            Button(label=chat.say("trigger.remove"), action="trigger.remove", args=args),
            Button(label=chat.say("triggers.all"), action="triggers.open", args=(kind, id)),
        ),
    )


@action("trigger.pause")
def pause(chat: Chat, trigger_id: str) -> Reply:
    """It starts nothing until it is resumed."""
    trigger = pause_trigger(chat.work, chat.actor, UUID(trigger_id))
    return Reply(page(chat, trigger), mode="replace", toast=chat.say("trigger.held"))


@action("trigger.resume")
def resume(chat: Chat, trigger_id: str) -> Reply:
    """It starts what comes from now on."""
    trigger = resume_trigger(chat.work, chat.actor, UUID(trigger_id))
    return Reply(page(chat, trigger), mode="replace", toast=chat.say("trigger.resumed"))


@action("trigger.remove")
def ask_to_remove(chat: Chat, trigger_id: str) -> Reply:
    """It is gone for good, so it is asked once more; what a second Enter would press is to keep it."""
    trigger = chat.work.triggers.get(UUID(trigger_id))
    blocks: list[Block] = [
        Heading(text=chat.say("trigger.remove.sure", what=targets.named(chat, *targets.of(trigger)))),
        Paragraph(text=describe(chat, trigger)),
        Paragraph(text=chat.say("trigger.remove.how"), muted=True),
    ]
    if trigger.type == "webhook":
        blocks.append(Paragraph(text=chat.say("trigger.remove.webhook"), muted=True))
    yes = Button(label=chat.say("trigger.remove.yes"), action="trigger.remove_now", args=(trigger_id,), style="danger")
    no = Button(label=chat.say("trigger.remove.no"), action="trigger.open", args=(trigger_id,))
    return Reply(Screen(blocks=tuple(blocks), buttons=(row(no, yes),), tone="ask"), mode=chat.in_place)


@action("trigger.remove_now")
def remove(chat: Chat, trigger_id: str) -> Reply:
    """It starts nothing any more; the list without it."""
    removed = remove_trigger(chat.work, chat.actor, UUID(trigger_id))
    left = open_triggers(chat, *targets.of(removed))
    return Reply(left.screen, mode=left.mode, toast=chat.say("trigger.removed"))


def _policies(chat: Chat) -> dict[str, Any]:
    choices = {"misfire": MISFIRE, "overlap": OVERLAP}
    return {
        "type": "object",
        "properties": {
            name: {
                "type": "string",
                "title": chat.say(f"trigger.{name}"),
                "oneOf": [{"const": one, "title": chat.say(f"trigger.{name}.{one}")} for one in values],
            }
            for name, values in choices.items()
        },
        "required": list(choices),
    }


@action("trigger.policies")
def policies(chat: Chat, trigger_id: str) -> Reply:
    """What becomes of a time that was missed, or that comes while the run before is under way."""
    trigger = chat.work.triggers.get(UUID(trigger_id))
    now = {"misfire": trigger.misfire_policy, "overlap": trigger.overlap}
    form = Form(
        action="trigger.set_policies", args=(trigger_id,), fields=forms.fields(_policies(chat), now), submit=chat.say("form.save")
    )  # fmt: skip
    back = Button(label=chat.say("way.back"), action="trigger.open", args=(trigger_id,))
    return Reply(Screen(blocks=(Heading(text=chat.say("trigger.policies")),), form=form, buttons=(row(back),)))


@action("trigger.set_policies")
def set_policies(chat: Chat, trigger_id: str, values: dict[str, Any]) -> Reply:
    """From its next time on."""
    given = forms.read(_policies(chat), values)
    trigger = chat.work.triggers.get(UUID(trigger_id))
    wanted = {"misfire_policy": given["misfire"], "overlap": given["overlap"]}
    changed = change_trigger(chat.work, chat.actor, trigger.id, spec_of(trigger).model_copy(update=wanted))
    return Reply(page(chat, changed, chat.say("trigger.saved")), mode="replace")


@action("trigger.new_secret")
def new_secret(chat: Chat, trigger_id: str) -> Reply:
    """Another secret, shown this once; the one before works for a day longer. Elsewhere than on the page it would stay in a history that is not ours."""
    if chat.link.provider != "web":
        return Reply(toast=chat.say("trigger.on_the_page"), alert=True)
    trigger = chat.work.triggers.get(UUID(trigger_id))
    secret = rotate_secret(chat.work, chat.actor, trigger.id)
    return Reply(page(chat, trigger, chat.say("trigger.secret.changed"), secret), mode="replace")
