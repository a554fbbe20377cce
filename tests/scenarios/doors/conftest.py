"""One running product for all scenarios of a test process, and somebody new at the scenario's door each time."""

import warnings
from collections.abc import Callable, Iterator

import pytest

from bots.kit.words import Words
from tests.runners.world import World
from tests.scenarios.doors.person import Person
from tests.scenarios.doors.product import Product, running


@pytest.fixture(scope="package")
def product(
    postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory, catalogue: Words
) -> Iterator[Product]:
    """Nod, up, with all three doors."""
    with running(postgres_url, redis_url, tmp_path_factory.mktemp("doors"), catalogue) as product:
        yield product


@pytest.fixture
def door(request: pytest.FixtureRequest) -> str:
    """The door that the scenario is shown through."""
    return request.param


@pytest.fixture
def at(product: Product) -> Iterator[Callable[..., Person]]:
    """Brings people to doors; they go away at the end, when nothing may have been logged as an error."""
    there: list[Person] = []
    product.errors.lines.clear()

    def arrive(door: str, world: World | None = None, name: str = "Mia", language: str = "en") -> Person:
        there.append(product.at(door, world, name, language))
        return there[-1]

    yield arrive
    for person in there:
        person.close()
    assert not product.errors.lines, product.errors.lines


@pytest.fixture
def person(at: Callable[..., Person], door: str) -> Person:
    """Somebody new at the scenario's door."""
    return at(door)


@pytest.fixture(autouse=True)
def quiet_library() -> None:
    """pytest forgets the filters that bots/telegram/api.py sets."""
    warnings.filterwarnings("ignore", message=r"Please use 'Bot\.")
    warnings.filterwarnings("ignore", message=".*retry_after")
