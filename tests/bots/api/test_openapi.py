"""What the API's own description promises, tried with inputs made from it: whatever comes, no path breaks (5xx) or leaves the described shapes."""

from hypothesis import HealthCheck, Phase, given, settings

from tests.bots.api.test_rest import Connect, address, connect, world

__all__ = ["address", "connect", "world"]


def test_no_input_breaks_a_path(address: str, connect: Connect) -> None:
    import schemathesis  # Here, for it takes a second that not every worker shall pay.
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

    client = connect()
    client.post("/v1/agents", json={"template": "inbox"})
    api = schemathesis.openapi.from_url(f"{address}/openapi.json")
    api.config.base_url = address
    for operation in api.get_all_operations():

        @settings(
            max_examples=8, database=None, phases=[Phase.generate], derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.ok().as_strategy())
        def tried(case: schemathesis.Case) -> None:
            headers = {"Authorization": client.headers["Authorization"]}
            case.call_and_validate(
                headers=headers, checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
            )

        tried()
