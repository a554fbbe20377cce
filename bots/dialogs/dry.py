"""What a trial run would have suggested, by kind, with what it rests on. None of it is kept."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from bots.dialogs.card import because
from bots.dialogs.kinds import ORDER, counted
from bots.dialogs.proposed import proposal_line
from bots.dialogs.run_facts import facts, problems
from bots.kit.dialog import Chat
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Quote, Screen, row
from core.orchestration.models import Run

QUOTED = {"telegram": 6, "slack": 6}
"""How many proposals a message of the platform holds with their quotes; the rest is counted."""
ROOMY = 15
QUOTE = 160


def dry(chat: Chat, run: Run, heading: Heading) -> Screen:
    """What it would suggest, by kind, each with what it rests on; none of it is kept."""
    proposals = list((run.output or {}).get("proposals", ()))
    blocks: list[Block] = [heading]
    if not proposals:
        blocks.append(Paragraph(text=chat.say("dry.nothing")))
    else:
        kinds = counted(chat, (str(p.get("kind", "")) for p in proposals))
        blocks.append(Paragraph(text=chat.say("dry.would", n=len(proposals), kinds=kinds)))
        blocks += _proposals(chat, proposals)
    blocks += [facts(chat, run), *problems(chat, run), Paragraph(text=chat.say("dry.nothing_kept"), muted=True)]
    args = (str(run.agent_id),)
    return Screen(
        blocks=tuple(blocks),
        buttons=(
            row(Button(label=chat.say("agent.schedule"), action="schedule.open", args=args, style="primary")),
            row(
                Button(label=chat.say("agent.run"), action="agent.run", args=args),
                Button(label=chat.say("agent.settings"), action="agent.settings", args=args),
            ),
            row(Button(label=chat.say("run.steps.show"), action="run.steps", args=(str(run.id),))),
        ),
        tone="done",
    )


def _proposals(chat: Chat, proposals: list[Mapping[str, Any]]) -> list[Block]:
    grouped: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for proposal in proposals:
        grouped[str(proposal.get("kind", ""))].append(proposal)
    ranked = sorted(grouped, key=lambda kind: (ORDER.index(kind) if kind in ORDER else len(ORDER), kind))
    share = max(1, QUOTED.get(chat.link.provider, ROOMY) // len(ranked))
    blocks: list[Block] = []
    for kind in ranked:
        group = grouped[kind]
        blocks.append(Paragraph(text=counted(chat, [kind] * len(group))))
        for proposal in group[:share]:
            blocks.append(Bullets(items=(proposal_line(chat, proposal),)))
            quote = next((e for e in proposal.get("evidence", ()) if e.get("quote")), None)
            if quote is not None:
                blocks.append(
                    Quote(text=str(quote["quote"])[:QUOTE], source=because.source(chat, quote.get("source") or {}))
                )
        if len(group) > share:
            blocks.append(Paragraph(text=chat.say("dry.more", n=len(group) - share), muted=True))
    return blocks
