"""What a person must have agreed to before an agent runs."""

from core.catalog.kinds import BLANK, template
from core.catalog.models import Agent
from core.catalog.ports import Startable
from core.connectors.kinds import integration
from core.connectors.ports import ConnectionsWork


def needed(work: ConnectionsWork, agent: Agent | Startable) -> tuple[str, ...]:
    """The keys of the consents: those of its template; for a graph of a person's own, one for each kind of data that its connections give to read
    (`data:mail`)."""
    if agent.template != BLANK:
        return template(agent.template).manifest.consents
    streams = {
        stream
        for connection_id in agent.config.tools.values()
        for stream in integration(work.connections.get(connection_id).integration).streams
    }
    return tuple(f"data:{stream}" for stream in sorted(streams))
