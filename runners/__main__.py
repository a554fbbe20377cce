"""`python -m runners`: what runs without anybody talking to it. People use `nod up`, `nod worker`, `nod scheduler`."""

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from core.kernel.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one of the processes until it is told to stop; the exit code."""
    given = _parser().parse_args(arguments)
    if given.process == "worker":
        from runners.worker import main as worker

        return worker() or 0
    if given.process == "scheduler":
        from runners.scheduler import main as scheduler

        return scheduler() or 0
    if given.process == "skills":
        from runners.contracts import contracts

        print(contracts().to_json().decode())
        return 0
    from runners.up import up

    chosen = {"port": given.port, "data_dir": given.data, "workers": given.workers}
    try:
        return up(Settings(**{name: value for name, value in chosen.items() if value is not None}))
    except ValidationError as wrong:
        print("The settings cannot be used.", file=sys.stderr)
        for error in wrong.errors(include_input=False, include_url=False):
            print(f"  Why: NOD_{'_'.join(map(str, error['loc'])).upper()}: {error['msg']}", file=sys.stderr)
        print("  What to do: mend the variable, the line in .env, or the option.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runners", description=__doc__)
    processes = parser.add_subparsers(dest="process", required=True)
    up = processes.add_parser("up", help="everything on one machine", epilog="example: nod up --port 8090 --workers 2")
    up.add_argument("--port", type=int, help="where the chat page listens; 0: any free port (default 8080)")
    up.add_argument("--data", type=Path, help="the data folder (default .nod)")
    up.add_argument("--workers", type=int, help="worker processes (default 1)")
    processes.add_parser("worker", help="runs agents and executes what was approved", epilog="example: nod worker")
    processes.add_parser("scheduler", help="rings when something is due", epilog="example: nod scheduler")
    processes.add_parser(
        "skills", help="prints what each skill takes and gives, as JSON", epilog="example: python -m runners skills"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
