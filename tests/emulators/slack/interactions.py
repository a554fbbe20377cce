"""What a person does that the app has three seconds to answer: commands, presses, choices, forms, shortcuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .message import Button, Message, NoSuchButton, Shown
from .responses import answer_command, answer_submission
from .text import escape
from .views import View, state_of

if TYPE_CHECKING:
    from .conversation import Conversation
    from .deliveries import Delivery
    from .team import Team
    from .world import World


class Interactions:
    """Half of a person: the half that the app hears of by interactivity rather than by events."""

    team: Team
    own_team: Team
    world: World
    id: str
    name: str
    dm: Conversation
    home: View | None
    stack: list[View]

    def opens_home(self) -> Delivery | None:
        """Go to the app's home tab; returns the event, None when the app does not hear of it."""
        return self._opens("home")

    def opens_messages(self) -> Delivery | None:
        """Go to the app's messages tab."""
        return self._opens("messages")

    def _opens(self, tab: str) -> Delivery | None:
        with self.world.lock:
            event: dict[str, Any] = {
                "type": "app_home_opened", "user": self.id, "channel": self.dm.id, "tab": tab,
                "event_ts": self.team.next_ts(),
            }  # fmt: skip
            if tab == "home" and self.home is not None:
                event["view"] = self.home.as_json()
            return self.world.tell(self.team.installation, event, self)

    def types(self, line: str, *, to: Conversation | None = None) -> Delivery:
        """A slash command such as `/nod inbox`, in the app's conversation or in `to`."""
        with self.world.lock:
            where = to or self.dm
            assert self in where.members, f"{self.name} is not in {where!r}"
            command, _, text = line.partition(" ")
            assert command in self.world.app.commands, f"the app has no command {command}"
            url = self.world.response_url(self, where, None)
            names = {"im": "directmessage", "group": "privategroup", "mpim": "mpdm"}
            payload = {
                "token": self.world.app.verification_token, "team_id": self.team.id, "team_domain": self.team.domain,
                "channel_id": where.id, "channel_name": names.get(where.kind, where.name), "user_id": self.id,
                "user_name": self.name.lower(), "command": command, "text": escape(text.strip()),
                "api_app_id": self.world.app.id, "is_enterprise_install": "false", "response_url": url.url,
                "trigger_id": self.world.trigger(self),
            }  # fmt: skip
            if (org := self.team.whole) is not None:
                payload |= {"enterprise_id": org.id, "enterprise_name": org.name, "is_enterprise_install": "true"}
            delivery = self.world.send(
                self.team, "slash_commands", payload, on_answer=lambda one: answer_command(one, url)
            )
            url.delivery = delivery
            return delivery

    def taps(self, shown: Shown, label: str) -> Delivery:
        """Press what carries `label` (or alone contains it) on a message, a modal or the home tab."""
        with self.world.lock:
            if isinstance(shown, Message) and shown.deleted:
                raise NoSuchButton(f"the message is gone: {shown!r}")
            if isinstance(shown, View) and shown.closed:
                raise NoSuchButton(f"the view is closed: {shown!r}")
            return self.presses(shown, shown.button(label))

    def presses(self, shown: Shown, button: Button, value: str | None = None) -> Delivery:
        """Press a button that was seen before, shown still or not, as a client that lags behind does."""
        sent: dict[str, Any] = {"text": button.raw.get("text")}
        if button.type == "feedback_buttons":
            side = "positive_button" if button.value == button.raw["positive_button"]["value"] else "negative_button"
            sent["text"] = button.raw[side]["text"]
        if value is not None or button.value is not None:
            sent["value"] = button.value if value is None else value
        if "style" in button.raw:
            sent["style"] = button.raw["style"]
        return self._acts(shown, button, sent)

    def selects(self, shown: Shown, name: str, value: Any) -> Delivery:
        """Choose in a menu, boxes or a picker: `name` its label or action_id, `value` an option's words or value."""
        with self.world.lock:
            button = shown.button(name)
            if button.type == "overflow":
                state = state_of(button.raw | {"type": "static_select"}, value) | {"type": "overflow"}
            else:
                state = state_of(button.raw, value)
            if isinstance(shown, View) and button.block_id in shown.values:
                shown.values[button.block_id][button.action_id] = state
            return self._acts(shown, button, {key: one for key, one in state.items() if key != "type"})

    def searches(self, shown: Shown, name: str, typed: str, timeout: float = 60.0) -> list[dict[str, Any]]:
        """Type into an external select; the options that the app offers."""
        with self.world.lock:
            button = shown.button(name)
            assert len(typed) >= button.raw.get("min_query_length", 3), f"{name} asks only for longer words"
            payload = self._interaction("block_suggestion") | self._where(shown, None) | {
                "action_id": button.action_id, "block_id": button.block_id, "value": typed,
            }  # fmt: skip
            payload.pop("trigger_id")
            delivery = self.world.send(self.team, "interactive", payload)
        answer = delivery.acknowledge(timeout) or {}
        if "option_groups" in answer:
            return [option for group in answer["option_groups"] for option in group["options"]]
        assert len(answer.get("options", [])) <= 100, "no more than 100 options"
        return answer.get("options", [])

    def _acts(self, shown: Shown, button: Button, sent: dict[str, Any]) -> Delivery:
        with self.world.lock:
            url = None
            if isinstance(shown, Message):
                assert self in shown.conversation.members, f"{self.name} is not in {shown.conversation!r}"
                assert shown.only_for in (None, self), "only the one it is for sees an ephemeral message"
                url = self.world.response_url(self, shown.conversation, shown)
            action = {
                "type": button.type, "action_id": button.action_id, "block_id": button.block_id,
                "action_ts": self.team.next_ts(), **{key: one for key, one in sent.items() if one is not None},
            }  # fmt: skip
            view = shown if isinstance(shown, View) else None
            payload = self._interaction("block_actions", view) | self._where(shown, url and url.url)
            delivery = self.world.send(self.team, "interactive", payload | {"actions": [action]})
            if url is not None:
                url.delivery = delivery
            return delivery

    def fills(self, view: View, values: dict[str, Any]) -> View:
        """Put values into inputs without submitting: label, block_id or action_id → what is entered or chosen."""
        with self.world.lock:
            for name, value in values.items():
                view.put(name, value)
            self.world.notify()
            return view

    def submits(self, view: View, values: dict[str, Any] | None = None) -> Delivery:
        """Fill a form in and press its button. AssertionError where Slack itself would hold it back."""
        with self.world.lock:
            assert not view.closed, f"{view!r} is closed"
            assert view.submit, f"{view!r} has no button to submit it"
            self.fills(view, values or {})
            complaints = view.complaints()
            assert not complaints, f"Slack does not send the form: {complaints}"
            view.errors, view.trouble = {}, ""
            payload = self._interaction("view_submission", view) | {"view": view.as_json(), "response_urls": []}
            return self.world.send(
                self.team, "interactive", payload, on_answer=lambda one: answer_submission(one, view)
            )

    def closes(self, view: View) -> Delivery | None:
        """Close a modal; the app hears of it where it asked to (`notify_on_close`)."""
        with self.world.lock:
            cleared = view.content.get("clear_on_close", False)
            gone = list(self.stack) if cleared else [view]
            for one in gone:
                if one in self.stack:
                    self.stack.remove(one)
                one.closed = True
            self.world.notify()
            if not view.content.get("notify_on_close"):
                return None
            payload = self._interaction("view_closed") | {"view": view.as_json(), "is_cleared": cleared}
            payload.pop("trigger_id")
            return self.world.send(self.team, "interactive", payload)

    def shortcut(self, message: Message | None, name: str) -> Delivery:
        """A message shortcut on `message`, or the global one, by name or callback_id."""
        with self.world.lock:
            if message is None:
                callback_id = self.world.app.shortcut(name, "global")
                payload = self._interaction("shortcut") | {"callback_id": callback_id}
                return self.world.send(self.team, "interactive", payload | {"action_ts": self.team.next_ts()})
            callback_id = self.world.app.shortcut(name, "message")
            url = self.world.response_url(self, message.conversation, None)
            payload = self._interaction("message_action") | {
                "callback_id": callback_id, "action_ts": self.team.next_ts(), "response_url": url.url,
                "message_ts": message.ts, "message": message.as_json(), "channel": self._channel(message),
            }  # fmt: skip
            url.delivery = delivery = self.world.send(self.team, "interactive", payload)
            return delivery

    def _interaction(self, kind: str, view: View | None = None) -> dict[str, Any]:
        org, own = self.team.whole, self.own_team.id
        user = {"id": self.id, "username": self.name.lower(), "name": self.name.lower(), "team_id": own}
        # Away from messages, an organisation's installation is told no team.
        nowhere = org is not None and (kind == "shortcut" or view is not None)
        return {
            "type": kind, "user": user, "team": None if nowhere else self.team.as_json(), "api_app_id": self.world.app.id,
            "token": self.world.app.verification_token, "trigger_id": self.world.trigger(self, view),
            "enterprise": org.as_json() if org is not None else None, "is_enterprise_install": org is not None,
        }  # fmt: skip

    @staticmethod
    def _where(shown: Shown, url: str | None) -> dict[str, Any]:
        if isinstance(shown, View):
            return {"container": {"type": "view", "view_id": shown.id}, "view": shown.as_json()}
        assert isinstance(shown, Message)
        ephemeral = shown.only_for is not None
        container = {
            "type": "message", "message_ts": shown.ts, "channel_id": shown.conversation.id, "is_ephemeral": ephemeral,
        }  # fmt: skip
        if shown.thread_ts:
            container["thread_ts"] = shown.thread_ts
        body: dict[str, Any] = {
            "container": container, "channel": Interactions._channel(shown), "state": {"values": {}},
        }  # fmt: skip
        if not ephemeral:
            body["message"] = shown.as_json()
        return body | ({"response_url": url} if url else {})

    @staticmethod
    def _channel(message: Message) -> dict[str, str]:
        where = message.conversation
        names = {"im": "directmessage", "group": "privategroup"}
        return {"id": where.id, "name": names.get(where.kind, where.name)}
