"""The tier of a workspace, and changing it."""

from typing import Literal, Protocol

from core.billing.ports import BillingWork
from core.identity.models import Subscription, Tier
from core.identity.ports import IdentityWork
from core.kernel.events import Event
from core.kernel.ids import new_id


class SubscribeWork(BillingWork, IdentityWork, Protocol):
    """What changing the tier needs: the subscription that there is, and the workspace's owner."""


def subscribe(work: SubscribeWork, tier: Tier, cycle: Literal["monthly", "annual"] = "monthly") -> Subscription:
    """The workspace has that tier from now on: the active subscription ends, a new one begins. Its limits hold from the commit on. For whoever runs the installation;
    no door for people leads here. Nothing changes where the tier and the cycle are the same."""
    active = work.billing.subscription()
    if active is not None:
        if (active.tier, active.billing_cycle) == (tier, cycle):
            return active
        work.billing.end(active, work.now)
    begun = Subscription(
        id=new_id(), workspace_id=work.workspace_id, tier=tier, status="active", start=work.now, created_at=work.now, billing_cycle=cycle,
    )  # fmt: skip
    work.people.add(begun)
    owner = work.people.workspace().owner_id
    work.record(Event("subscription.changed", work.workspace_id, owner, {"tier": tier, "cycle": cycle}))
    return begun
