"""Which way events come, and what is missing for one."""

from core.kernel.settings import Settings


def by_socket(settings: Settings) -> bool:
    """Nod asks Slack for events, from behind any firewall."""
    return settings.slack_app_token is not None and settings.slack_bot_token is not None


def by_http(settings: Settings) -> bool:
    """Slack calls the web process, for one team with a configured token or for any that installs Nod."""
    return settings.slack_signing_secret is not None and (settings.slack_bot_token is not None or installable(settings))


def installable(settings: Settings) -> bool:
    """Whether other teams may install Nod."""
    return (
        settings.slack_signing_secret is not None
        and settings.slack_client_id is not None
        and settings.slack_client_secret is not None
        and settings.public_url is not None
    )


def missing(settings: Settings) -> str | None:
    """Why there is no Slack door, and what to do; None where there is one."""
    if by_socket(settings) or by_http(settings):
        return None
    return (
        "  Why: NOD_SLACK_APP_TOKEN and NOD_SLACK_BOT_TOKEN are not both set, and neither are those of the way by HTTP.\n"
        "  What to do: make an app from bots/slack/manifest.yaml at api.slack.com/apps, and set both tokens (docs/slack.md)."
    )
