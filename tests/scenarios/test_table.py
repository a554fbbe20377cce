"""The page with the table door × point says what the scenarios say."""

from tests.scenarios.doors.marking import DOORS
from tests.scenarios.table import PAGE, page, shown


def test_the_page_is_what_the_scenarios_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.scenarios.table writes it anew"


def test_a_door_that_lacks_something_says_why() -> None:
    for one in shown():
        assert one.doors, one
        assert all(len(why) > 10 for why in one.lacks.values()), one
        assert set(one.doors) | set(one.lacks) == set(DOORS)
