"""Slack: doors that die, a platform that refuses and loses answers, calls that come again, and calls that are forged."""

from tests.faults.case import case
from tests.faults.cases.telegram import killed_at_points
from tests.faults.desks import Desks
from tests.faults.system import Asked, System


@case("slack", small=6, large=120, people=2)
def slack_doors_that_die_at_every_point_of_a_delivery_and_an_arrival(system: System, size: int) -> list[Asked]:
    """See killed_at_points."""
    return killed_at_points(Desks(system), size)
