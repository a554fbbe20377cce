"""`nod doctor`: one line for each thing that Nod needs."""

import os
import shutil
import smtplib
import subprocess
import sys
from collections.abc import Callable

import redis
import typer

from bots import wiring
from bots.mail.server import mail_server
from bots.wiring import schema_is_current, where_embedded
from core.kernel.settings import settings

Check = Callable[[], str | None]


def report() -> bool:
    """Prints a line a check; whether all is well."""
    checks: list[tuple[str, Check]] = [
        ("Python", _python),
        ("data folder", _data_folder),
        ("database", _database),
        ("schema", _schema),
        ("app role", _app_role),
        ("master key", _master_key),
        ("events", _events),
        ("broker", _broker),
        ("language model", _model),
        ("Telegram", _telegram),
        ("Slack", _slack),
        ("mail server", _mail),
        ("code isolation", _isolation),
    ]
    well = True
    for name, check in checks:
        wrong = check()
        well = well and wrong is None
        typer.echo(f"{'ok   ' if wrong is None else 'WRONG'}  {name}{'' if wrong is None else ': ' + wrong}")
    return well


def _python() -> str | None:
    return None if sys.version_info >= (3, 11) else "it is older than 3.11. Install Python 3.11 or newer."


def _isolation() -> str | None:
    # Asked of the runners' own process, which is where code skills run.
    asked = subprocess.run(
        [sys.executable, "-m", "runners.sandbox"], capture_output=True, text=True, timeout=60, check=False
    )
    if asked.returncode == 0:
        return None
    reason = asked.stdout.strip() or "it could not be tried"
    return f"code skills are refused here ({reason}). Everything else works; docs/skills.md says what to do."


def _data_folder() -> str | None:
    folder = settings().data_dir.absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        return f"{existing} cannot be written to. Set NOD_DATA_DIR to a folder of yours."
    free = shutil.disk_usage(existing).free
    return (
        None if free > 500_000_000 else f"only {free // 1_000_000} MB are free there. Make room, or set NOD_DATA_DIR."
    )


def _database() -> str | None:
    chosen = where_embedded(settings())
    if chosen is None:
        return f"the embedded one of {settings().data_dir} does not run. Start it with `nod up`."
    try:
        schema_is_current(chosen)()
    except Exception as broken:
        return f"it does not answer ({type(broken).__name__}). Check NOD_DATABASE_URL and whether PostgreSQL runs."
    return None


def _schema() -> str | None:
    chosen = where_embedded(settings())
    try:
        if chosen is None or schema_is_current(chosen)():
            return None
    except Exception:
        return "it cannot be read. See the line above."
    return "it is not that of this version. Run `nod migrate`."


def _app_role() -> str | None:
    """Whether processes come in with the rights that they shall have, and no more."""
    chosen = where_embedded(settings())
    if chosen is None:
        return None
    try:
        powers = wiring.powers_of_app_role(chosen)
    except Exception:
        return "it cannot sign in. Run `nod migrate` with the master key of this installation."
    return f"it may {', '.join(powers)}. Take that away from it: nod_app must not." if powers else None


def _master_key() -> str | None:
    chosen = where_embedded(settings())
    if chosen is None:
        return None
    try:
        keys = wiring.keys_in_use(chosen)
        lost = wiring.keys_missing(chosen, {id for id, _ in keys})
    except wiring.MasterKeyBroken as broken:
        return f"{broken}."
    except Exception:
        return None if chosen.database_url is None else "which of them are needed cannot be read. See the lines above."
    if lost:
        return (
            f"something is sealed by {lost[0]}, which is not among those given. Put it back (docs/operations.md, Keys)."
        )
    if len(keys) > 1 and any(needed for _, needed in keys[1:]):
        return "some things are still sealed by an older one. Run `nod keys rewrap`."
    return None


def _events() -> str | None:
    chosen = where_embedded(settings())
    try:
        given_up = 0 if chosen is None else wiring.events_given_up(chosen)
    except Exception:
        return "they cannot be counted. See the lines above."
    return f"{given_up} could not be handled. See `nod events list`." if given_up else None


def _broker() -> str | None:
    chosen = where_embedded(settings())
    if chosen is None:
        return "the embedded one does not run. Start it with `nod up`."
    if chosen.redis_url is None:
        return "NOD_REDIS_URL is not set. Name your Redis or Valkey."
    try:
        redis.Redis.from_url(chosen.redis_url.get_secret_value(), socket_timeout=2).ping()
    except redis.RedisError as broken:
        return f"it does not answer ({type(broken).__name__}). Check NOD_REDIS_URL and whether it runs."
    return None


def _model() -> str | None:
    chosen = settings()
    if chosen.model == "offline":
        return None
    return None if ":" in chosen.model else f"NOD_MODEL={chosen.model} has no provider. Write for example openai:gpt-5."


def _telegram() -> str | None:
    chosen = settings()
    if chosen.telegram_token is None:
        return None
    token = chosen.telegram_token.get_secret_value()
    return (
        None if token.partition(":")[0].isdigit() else "NOD_TELEGRAM_TOKEN is not a bot token. Get one from @BotFather."
    )


def _mail() -> str | None:
    server = mail_server(settings())
    try:
        if server is not None:
            server.check()
    except smtplib.SMTPAuthenticationError:
        return "it does not take the name and password. Check NOD_SMTP_URL; what is no letter or digit in them is percent-encoded."
    except (smtplib.SMTPException, OSError) as broken:
        return f"it does not answer as it should ({type(broken).__name__}). Check NOD_SMTP_URL: host, port and smtps:// or smtp://."
    return None


def _slack() -> str | None:
    chosen = settings()
    tokens = (
        (
            "NOD_SLACK_APP_TOKEN",
            chosen.slack_app_token,
            "xapp-",
            "an app-level token, with the scope connections:write",
        ),
        ("NOD_SLACK_BOT_TOKEN", chosen.slack_bot_token, "xoxb-", "a bot token"),
    )
    for name, token, start, kind in tokens:
        if token is not None and not token.get_secret_value().startswith(start):
            return f"{name} is not {kind} ({start}…). Copy it from your app's page at api.slack.com."
    if all(token is None for _, token, _, _ in tokens) and chosen.slack_signing_secret is None:
        return None
    from bots.slack.ways import by_http, by_socket

    if by_socket(chosen) or by_http(chosen):
        return None
    return "it is set up in part only. Set NOD_SLACK_APP_TOKEN and NOD_SLACK_BOT_TOKEN, or see docs/slack.md for the way by HTTP."
