"""A small app written with slack_bolt that uses every kind of event and interaction once."""

from collections.abc import Callable
from typing import Any

from slack_bolt import App, Assistant
from slack_sdk import WebClient

FORM = {
    "type": "modal",
    "callback_id": "edit",
    "private_metadata": "suggestion 7",
    "title": {"type": "plain_text", "text": "Edit"},
    "submit": {"type": "plain_text", "text": "Save"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "subject",
            "label": {"type": "plain_text", "text": "Subject"},
            "element": {
                "type": "plain_text_input",
                "action_id": "text",
                "initial_value": "Re: Offer",
                "max_length": 20,
            },
        },
        {
            "type": "input",
            "block_id": "when",
            "optional": True,
            "label": {"type": "plain_text", "text": "When"},
            "element": {
                "type": "static_select",
                "action_id": "choice",
                "options": [
                    {"text": {"type": "plain_text", "text": "Now"}, "value": "now"},
                    {"text": {"type": "plain_text", "text": "Tomorrow"}, "value": "1d"},
                ],
            },
        },
        {
            "type": "input",
            "block_id": "to",
            "optional": True,
            "label": {"type": "plain_text", "text": "To"},
            "element": {"type": "external_select", "action_id": "contacts", "min_query_length": 2},
        },
    ],
}


def card(*labels: str, text: str = "Reply to Ann") -> list[dict[str, Any]]:
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": label}, "action_id": label.lower(), "value": "7.1"}
        for label in labels
    ]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return [section, {"type": "actions", "elements": buttons}] if buttons else [section]


def heading(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def write(app: App) -> None:
    """Listeners that use every kind of interaction once."""

    @app.event("message")
    def message(event: dict[str, Any], say: Callable[..., Any]) -> None:
        if event.get("subtype") is None:
            say(text=f"Card for {event['text']}", blocks=card("Approve", "Edit"))

    @app.event("app_mention")
    def mention(event: dict[str, Any], client: WebClient) -> None:
        client.chat_postEphemeral(channel=event["channel"], user=event["user"], text="Only you see this")

    @app.event("app_home_opened")
    def home(event: dict[str, Any], client: WebClient) -> None:
        view = {"type": "home", "blocks": [heading("Pending"), *card("Open")]}
        client.views_publish(user_id=event["user"], view=view)

    @app.event("reaction_added")
    def reaction(event: dict[str, Any], client: WebClient) -> None:
        client.chat_postMessage(channel=event["item"]["channel"], text=f"Saw {event['reaction']}")

    @app.event("reaction_removed")
    def taken_back(event: dict[str, Any], client: WebClient) -> None:
        client.chat_postMessage(channel=event["item"]["channel"], text=f"No more {event['reaction']}")

    @app.event("member_left_channel")
    def left(event: dict[str, Any], say: Callable[..., Any]) -> None:
        say(f"Goodbye <@{event['user']}>")

    @app.event("member_joined_channel")
    def joined(event: dict[str, Any], say: Callable[..., Any]) -> None:
        say(f"Hello <@{event['user']}>")

    @app.action("approve")
    def approve(ack: Callable[..., Any], body: dict[str, Any], client: WebClient, respond: Callable[..., Any]) -> None:
        ack()
        where, ts = body["container"]["channel_id"], body["container"]["message_ts"]
        client.chat_update(
            channel=where, ts=ts, text="Approved", blocks=card(text=f"Approved {body['actions'][0]['value']}")
        )
        respond("Sending in 8 s", replace_original=False)

    @app.action("edit")
    def edit(ack: Callable[..., Any], body: dict[str, Any], client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.view("edit")
    def saved(ack: Callable[..., Any], body: dict[str, Any], view: dict[str, Any], client: WebClient) -> None:
        subject = view["state"]["values"]["subject"]["text"]["value"]
        if subject == "bad":
            ack(response_action="errors", errors={"subject": "Say it better"})
            return
        if subject == "again":
            ack(response_action="update", view={**FORM, "title": {"type": "plain_text", "text": "Once more"}})
            return
        ack()
        when = view["state"]["values"]["when"]["choice"]["selected_option"]
        client.chat_postMessage(
            channel=body["user"]["id"], text=f"Saved {subject} {view['private_metadata']} {when and when['value']}"
        )

    @app.view_closed("edit")
    def closed(ack: Callable[..., Any], body: dict[str, Any], client: WebClient) -> None:
        ack()
        client.chat_postMessage(channel=body["user"]["id"], text="Nothing was changed")

    @app.options("contacts")
    def contacts(ack: Callable[..., Any], payload: dict[str, Any]) -> None:
        ack(options=[{"text": {"type": "plain_text", "text": f"{payload['value']}@example.org"}, "value": "1"}])

    @app.command("/nod")
    def nod(ack: Callable[..., Any], command: dict[str, Any], respond: Callable[..., Any]) -> None:
        ack(f"You said {command['text']}")
        respond("And this for all", response_type="in_channel")

    @app.shortcut("ask_agent")
    def ask(ack: Callable[..., Any], shortcut: dict[str, Any], respond: Callable[..., Any]) -> None:
        ack()
        respond(f"About: {shortcut['message']['text']}")

    @app.shortcut("new_agent")
    def new(ack: Callable[..., Any], shortcut: dict[str, Any], client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=shortcut["trigger_id"], view=FORM)

    assistant = Assistant()

    @assistant.thread_started
    def started(set_suggested_prompts: Callable[..., Any], say: Callable[..., Any]) -> None:
        say("What can I do?")
        set_suggested_prompts([{"title": "My inbox", "message": "Show my inbox"}])

    @assistant.user_message
    def asked(
        payload: dict[str, Any], set_status: Callable[..., Any], set_title: Callable[..., Any], client: WebClient
    ) -> None:
        set_status("is thinking…")
        set_title("Inbox")
        stream = client.chat_startStream(
            channel=payload["channel"], thread_ts=payload["thread_ts"], markdown_text="**Three**"
        )
        client.chat_appendStream(channel=payload["channel"], ts=stream["ts"], markdown_text=" cards")
        feedback = {
            "type": "feedback_buttons",
            "action_id": "feedback",
            "positive_button": {"text": {"type": "plain_text", "text": "Good"}, "value": "good"},
            "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "bad"},
        }
        blocks = [{"type": "context_actions", "elements": [feedback]}]
        client.chat_stopStream(channel=payload["channel"], ts=stream["ts"], blocks=blocks)

    @app.action("feedback")
    def feedback(ack: Callable[..., Any], body: dict[str, Any], respond: Callable[..., Any]) -> None:
        ack()
        respond(f"Noted: {body['actions'][0]['value']}", replace_original=False)

    app.use(assistant)
