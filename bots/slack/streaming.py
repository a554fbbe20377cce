"""A run that goes on in a thread shows its steps as Slack's own task cards, streamed (chat.startStream, appendStream). When it is over the card takes their place.
Slack ends a stream by itself after some minutes (slackapi/python-slack-sdk#1859): from then on the card is edited like any other."""

from typing import Any

from bots.dialogs.run_steps import node_name, nodes_of
from bots.kit import clean
from bots.kit.chatting import open_chat
from bots.kit.outbound import Letter
from bots.kit.parts import Parts
from bots.kit.screen import Progress
from bots.slack import blocks
from bots.slack.drawing import Drawing
from bots.slack.teams import Refusal, Team, Teams
from core.kernel.actor import Actor

STEPS, NAME, TITLE = 20, 100, 150
STATUSES = {
    "running": "in_progress", "waiting": "in_progress", "succeeded": "complete", "skipped": "complete", "failed": "error",
}  # fmt: skip
ENDED = frozenset(("message_not_in_streaming_state", "unknown_method"))


class Streaming:
    """Begins, goes on, ends. Raises what Teams.ask raises, but for refusals that mean: show it as a message."""

    def __init__(self, parts: Parts, teams: Teams, drawing: Drawing) -> None:
        self._parts, self._teams, self._drawing = parts, teams, drawing

    def fits(self, letter: Letter) -> bool:
        """Whether it is a run's card that stands in a thread."""
        delivery = letter.delivery
        return delivery.thread is not None and delivery.subject_kind == "run" and delivery.link_id is not None

    async def begin(self, letter: Letter, team: Team, channel: str) -> str | None:
        """The ts of a new stream; None where there is none: the run is over, or Slack does not stream here."""
        if not self.fits(letter) or not _going_on(letter):
            return None
        chunks = await self._parts.hop(self._chunks, letter)
        controls = self._drawing.controls(letter)
        if controls:
            chunks.append({"type": "blocks", "blocks": controls})
        given = {"thread_ts": letter.delivery.thread, "chunks": chunks, "task_display_mode": "plan"}
        try:
            return str((await self._teams.ask(team, "chat.startStream", channel, **given))["ts"])
        except Refusal:
            return None

    async def go_on(self, letter: Letter, team: Team, channel: str, ts: str) -> bool:
        """The steps as they are now; False where the card has to be edited, because the run is over, or the stream."""
        if not self.fits(letter) or not _going_on(letter):
            return False
        chunks = await self._parts.hop(self._chunks, letter)
        try:
            await self._teams.ask(team, "chat.appendStream", channel, ts=ts, chunks=chunks)
        except Refusal as refused:
            if refused.reason in ENDED:
                return False
            raise
        return True

    async def stop(self, team: Team, channel: str, ts: str) -> None:
        """What streams cannot be edited; a stream that is over already stays so."""
        try:
            await self._teams.ask(team, "chat.stopStream", channel, ts=ts)
        except Refusal as refused:
            if refused.reason not in ENDED:
                raise

    def _chunks(self, letter: Letter) -> list[dict[str, Any]]:
        delivery = letter.delivery
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            role = work.people.membership(delivery.user_id).role
            actor = Actor(delivery.user_id, delivery.workspace_id, role, delivery.channel, link_id=delivery.link_id)
            chat = open_chat(self._parts, work, actor)
            run = work.runs.get(delivery.subject_id)
            reached = {step.node_id: STATUSES[step.status] for step in work.runs.steps(run.id)}
            named = [(node.id, node_name(chat, node)) for node in nodes_of(chat, run)[:STEPS]]
        title = blocks.tamed(clean.line(letter.screen.summary, TITLE)) or "…"
        return [
            {"type": "plan_update", "title": title},
            *(
                {"type": "task_update", "id": clean.cut(id, NAME), "title": blocks.tamed(clean.line(name, NAME)) or id,
                 "status": reached.get(id, "pending")}
                for id, name in named
            ),
        ]  # fmt: skip


def _going_on(letter: Letter) -> bool:
    return any(isinstance(one, Progress) for one in letter.screen.blocks)
