"""The commands of `nod`. Errors go to stderr in three parts: what happened, why, what to do. What needs the database is imported where it is used: `nod up` shall
start at once."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import structlog
import typer
from pydantic import ValidationError

from core.kernel.errors import Failure
from core.kernel.settings import settings

app = typer.Typer(
    name="nod",
    help="Personal agents that ask first.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
user = typer.Typer(help="People.", no_args_is_help=True)
api_key = typer.Typer(help="Keys for programs.", no_args_is_help=True)
tier = typer.Typer(help="What workspaces may use, where the installation has tiers.", no_args_is_help=True)
app.add_typer(user, name="user")
app.add_typer(api_key, name="api-key")
app.add_typer(tier, name="tier")
keys = typer.Typer(help="The keys that seal what is private.", no_args_is_help=True)
events = typer.Typer(help="What platforms handed over and could not be handled.", no_args_is_help=True)
failed = typer.Typer(help="What was given up in a workspace, as its owners and admins see it.", no_args_is_help=True)
app.add_typer(failed, name="failed")
app.add_typer(keys, name="keys")
app.add_typer(events, name="events")


@app.command(epilog="Example: nod up --port 9000 --data ./my-nod")
def up(
    port: Annotated[int | None, typer.Option(help="Where the chat page listens; 0 takes any free port.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for everything that is kept.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
) -> None:
    """Run everything under one supervisor: database, broker, web, workers, scheduler. Ctrl-C stops it; run it again and it continues."""
    given = {"NOD_PORT": port, "NOD_DATA_DIR": data, "NOD_WORKERS": workers}
    _become("runners", "up", {name: str(value) for name, value in given.items() if value is not None})


@app.command(epilog="Example: nod web")
def web() -> None:
    """Run the chat page and the REST interface, one process."""
    _become("bots", "web")


@app.command(epilog="Example: nod worker")
def worker() -> None:
    """Run one worker process: runs and approved actions."""
    _become("runners", "worker")


@app.command(epilog="Example: nod scheduler")
def scheduler() -> None:
    """Run one scheduler process: what is due by the clock. Any number may run."""
    _become("runners", "scheduler")


@app.command(epilog="Example: NOD_TELEGRAM_TOKEN=… nod telegram")
def telegram() -> None:
    """Run the Telegram door, one process."""
    _become("bots", "telegram")


@app.command(epilog="Example: NOD_SLACK_APP_TOKEN=… NOD_SLACK_BOT_TOKEN=… nod slack")
def slack() -> None:
    """Run the Slack door, one process."""
    _become("bots", "slack")


@app.command(epilog="Example: nod migrate")
def migrate() -> None:
    """Bring the database's schema to head."""
    _become("storage", "migrate")


@app.command("doctor", epilog="Example: nod doctor")
def check() -> None:
    """Check every dependency and say in one line each what is wrong and what to do."""
    from bots.cli import doctor

    if not doctor.report():
        raise typer.Exit(1)


@user.command("add", epilog="Example: nod user add mia@example.org --timezone Europe/Berlin")
def add_user(
    email: Annotated[str, typer.Argument(help="The person's address; it is theirs alone.")],
    name: Annotated[str, typer.Option(help="What they are called.")] = "",
    timezone: Annotated[str, typer.Option(help="IANA name.")] = "UTC",
) -> None:
    """Add a person with a personal workspace."""
    from bots.cli import admin

    typer.echo(admin.add_user(email, name, timezone))


@user.command("verify", epilog="Example: nod user verify mia@example.org")
def verify_user(email: Annotated[str, typer.Argument(help="The person's address.")]) -> None:
    """Vouch that an address is that person's, where there is no mail server to prove it by. They can found a family or a team then."""
    from bots.cli import admin

    typer.echo(admin.verify_user(email))


@user.command("come-back", epilog="Example: nod user come-back K7QM-2XHD")
def come_back(code: Annotated[str, typer.Argument(help="What they were shown when they left.")]) -> None:
    """Bring somebody back who deleted their account less than thirty days ago."""
    from bots.cli import admin

    typer.echo(admin.come_back(code))


@api_key.command("create", epilog="Example: nod api-key create --email you@localhost --scopes read,write,approve")
def create_key(
    email: Annotated[str | None, typer.Option(help="For whom it acts; unset: the local person.")] = None,
    scopes: Annotated[str, typer.Option(help="read, write, approve, with commas.")] = "read",
    name: Annotated[str, typer.Option(help="To tell keys apart.")] = "command line",
) -> None:
    """Make a key for programs. It is printed once, alone, on stdout."""
    from bots.cli import admin

    typer.echo(admin.create_key(email or settings().local_email, scopes, name))


@tier.command("show", epilog="Example: nod tier show --email mia@example.org")
def show_tier(
    email: Annotated[str | None, typer.Option(help="Whose workspace; unset: the local person's.")] = None,
) -> None:
    """Say which tier a workspace has, and where it stands against its limits."""
    from bots.cli import tier

    typer.echo(tier.show(email))


@tier.command("set", epilog="Example: nod tier set personal_pro --email mia@example.org --cycle annual")
def set_tier(
    name: Annotated[str, typer.Argument(metavar="TIER", help="free, personal_pro, family, creator or enterprise.")],
    email: Annotated[str | None, typer.Option(help="Whose workspace; unset: the local person's.")] = None,
    cycle: Annotated[str, typer.Option(help="monthly or annual.")] = "monthly",
) -> None:
    """Give a workspace another tier. Its limits hold at once; what exists stays, and history that is too old for it goes within a day."""
    from bots.cli import tier

    typer.echo(tier.change(name, email, cycle))


@app.command(epilog="Example: nod backup /backups/nod-2026-11-22.tar")
def backup(file: Annotated[Path, typer.Argument(help="A file that is not there yet.")]) -> None:
    """Write a backup of everything but the master key, while everything goes on."""
    from bots.cli import backup as backing_up

    typer.echo(backing_up.take(file))


@app.command(epilog="Example: NOD_DATA_DIR=./new-nod nod restore /backups/nod-2026-11-22.tar")
def restore(file: Annotated[Path, typer.Argument(help="What `nod backup` wrote.")]) -> None:
    """Restore a backup into an empty database and data folder. Nothing that may have happened since is done again."""
    from bots.cli import backup as backing_up

    typer.echo(backing_up.put_back(file))


@keys.command("show", epilog="Example: nod keys show")
def show_keys() -> None:
    """Say which master keys there are, and which are needed."""
    from bots.cli import keys

    typer.echo(keys.show())


@keys.command("rotate", epilog="Example: nod keys rotate")
def rotate_keys(
    data_keys: Annotated[bool, typer.Option("--data-keys", help="A further key for every person instead.")] = False,
) -> None:
    """Make a new master key the current one and seal every other key with it, while everything runs."""
    from bots.cli import keys

    typer.echo(keys.rotate(data_keys))


@keys.command("rewrap", epilog="Example: nod keys rewrap")
def rewrap_keys() -> None:
    """Seal with the current master key what an older one sealed."""
    from bots.cli import keys

    typer.echo(keys.rewrap())


@keys.command("retire", epilog="Example: nod keys retire")
def retire_keys() -> None:
    """Take out every master key but the current one. Nod must be stopped."""
    from bots.cli import keys

    typer.echo(keys.retire())


@events.command("list", epilog="Example: nod events list")
def list_events() -> None:
    """Say what was given up, when and why."""
    from bots.cli import events

    typer.echo(events.show())


@events.command("retry", epilog="Example: nod events retry all")
def retry_events(which: Annotated[str, typer.Argument(metavar="ID|all", help="From `nod events list`.")]) -> None:
    """Try again what was given up."""
    from bots.cli import events

    typer.echo(events.retry(which))


@failed.command("list", epilog="Example: nod failed list")
def list_failed(
    email: Annotated[str | None, typer.Option(help="Whose workspace; unset: the local person's.")] = None,
) -> None:
    """Say what failed for good: runs, approved actions, messages that did not arrive, events that could not be handled."""
    from bots.cli import failed

    typer.echo(failed.show(email))


@failed.command("retry", epilog="Example: nod failed retry 019d…")
def retry_failed(
    which: Annotated[str, typer.Argument(metavar="ID", help="From `nod failed list`.")],
    email: Annotated[str | None, typer.Option(help="Whose workspace; unset: the local person's.")] = None,
) -> None:
    """Try one again. An action is asked about anew; what nobody knows the outcome of is settled on its own card alone."""
    from bots.cli import failed

    typer.echo(failed.settle(which, "again", email))


@failed.command("drop", epilog="Example: nod failed drop 019d…")
def drop_failed(
    which: Annotated[str, typer.Argument(metavar="ID", help="From `nod failed list`.")],
    email: Annotated[str | None, typer.Option(help="Whose workspace; unset: the local person's.")] = None,
) -> None:
    """Leave one as it is."""
    from bots.cli import failed

    typer.echo(failed.settle(which, "drop", email))


@app.command(epilog="Example: nod apply -f everything.yaml --dry-run")
def apply(
    file: Annotated[Path, typer.Option("--file", "-f", help="YAML file; - reads what is piped in.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    email: Annotated[str | None, typer.Option(help="Whose workspace; unset: the local person's.")] = None,
) -> None:
    """Make and change agents, skills, packs, workflows and triggers as a file says: all of it or nothing. What it does not name stays."""
    from bots.cli import admin, files
    from bots.cli.apply import apply as apply_file

    try:
        apply_file(file, email, dry_run)
    except OSError as problem:
        _give_up(f"{file} cannot be read.", str(problem.strerror or problem), "Check the path, then try again.")
    except Failure as failure:
        _give_up(*files.in_words(failure, str(file), admin.in_words))


@app.command(epilog="Example: nod export agent Inbox > inbox.yaml")
def export(
    kind: Annotated[Literal["agent", "pack", "workflow"] | None, typer.Argument(help="Only one; unset: all.")] = None,
    name: Annotated[str, typer.Argument(help="What it is called.")] = "",
    email: Annotated[str | None, typer.Option(help="Whose workspace; unset: the local person's.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of such files instead.")] = False,
) -> None:
    """Print agents, skills, packs, workflows and triggers as YAML, without secrets, for `nod apply`; or one agent, pack or workflow with what it needs and what starts it."""
    from bots.cli import admin, files
    from bots.cli import export as exporting

    if kind is not None and not name:
        raise typer.BadParameter(f"Say which {kind}, by its name.", param_hint="NAME")
    try:
        typer.echo(exporting.schema_text() if schema else exporting.export(email, kind, name), nl=False)
    except Failure as failure:
        _give_up(*files.in_words(failure, "export", admin.in_words, "nothing was printed"))


def main() -> None:
    """Entry point of `nod`. Exits non-zero on failure. What is printed is the answer; what there is to say besides goes to stderr."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        app()
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        _give_up(
            f"The setting NOD_{str(first['loc'][0]).upper()} is wrong.",
            first["msg"],
            "Correct it in the environment or in .env.",
        )
    except Failure as failure:
        from bots.cli import admin

        _give_up(*admin.in_words(failure))
    except Exception as problem:
        if not _is_told(problem):
            raise
        _give_up(problem.what, problem.why, problem.remedy)  # pyright: ignore[reportAttributeAccessIssue]


def _become(package: str, command: str, environment: dict[str, str] | None = None) -> NoReturn:
    """This process becomes `python -m <package> <command>`."""
    os.execve(  # noqa: S606 - our own interpreter with fixed words
        sys.executable, [sys.executable, "-m", package, command], {**os.environ, **(environment or {})}
    )


def _is_told(problem: Exception) -> bool:
    """Whether it says in three sentences what happened, why and what to do: problems of servers and of backups."""
    return all(isinstance(getattr(problem, part, None), str) for part in ("what", "why", "remedy"))


def _give_up(what: str, why: str, do: str) -> NoReturn:
    typer.echo(f"{what}\n{why}\n{do}", err=True)
    raise SystemExit(1)
