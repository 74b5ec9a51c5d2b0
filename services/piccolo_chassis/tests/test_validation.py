"""What is checked against the protos' rules, and what that costs a process that serves nothing of its own."""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest
from grpc_health.v1 import health_pb2

from piccolo_chassis import command, validation
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.tests.protos.toy_pb2 import EchoRequest


def test_a_file_with_rules_is_checked_and_one_without_passes() -> None:
    validation.check(EchoRequest(text="12345678"))
    with pytest.raises(PiccoloError, match="text"):
        validation.check(EchoRequest(text="123456789"))
    validation.check(health_pb2.HealthCheckRequest(service="any"))
    validation.check(b"raw")


@pytest.mark.component
async def test_the_checker_is_loaded_by_who_serves_rules_only() -> None:
    program = """
        import sys
        from grpc_health.v1 import health_pb2
        from piccolo_chassis import host, validation
        from piccolo_chassis.tests.protos import toy_pb2
        validation.check(health_pb2.HealthCheckRequest())
        validation.prepare(["grpc.health.v1.Health", "no.such.Service"])
        print("protovalidate" in sys.modules)
        validation.prepare(["piccolo.chassis.toy.v1.ToyService"])
        print("protovalidate" in sys.modules)
    """
    done = await command.run([sys.executable, "-c", dedent(program)], seconds=60)
    assert done.stdout.split() == [b"False", b"True"]
