"""procrastinate's app, and a task that says when its first line ran and does nothing else."""

import os
import time

import procrastinate

_said = int(os.environ.get("PEER_SAYS", "2"))
_connector = procrastinate.SyncPsycopgConnector if "PEER_DEFERS" in os.environ else procrastinate.PsycopgConnector
app = procrastinate.App(connector=_connector(conninfo=os.environ["PEER_DATABASE"]))


@app.task(pass_context=True)
async def nothing(context: procrastinate.JobContext) -> None:
    os.write(_said, f"{context.job.id} {time.time():.6f}\n".encode())
