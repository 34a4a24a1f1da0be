#!/usr/bin/env python3
"""Records what Confluent's Python client writes and reads, for tests/clients.rs.

    record.py REGISTRY_URL write     records written by the client, their schemas and their values -> written.json
    record.py REGISTRY_URL read      lets the client read Longshore's records (longshore.json) -> read.json

REGISTRY_URL is that of a registry with Confluent's API that holds nothing else. Needs (PyPI): confluent-kafka
[protobuf,json,schemaregistry] 2.16.0, grpcio-tools 1.85.1, googleapis-common-protos.
"""
import base64
import json
import pathlib
import sys
import tempfile

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import json_format

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, tempfile.mkdtemp())


def compile_protos(names, folder=HERE):
    import google.type.date_pb2
    import grpc_tools
    from grpc_tools import protoc

    google = pathlib.Path(google.type.date_pb2.__file__).parents[2]
    bundled = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{folder}", f"-I{google}", f"-I{bundled}", f"--python_out={sys.path[0]}"]
    assert protoc.main(arguments + names) == 0


def schema_of(registry, payload):
    schema = registry.get_schema(int.from_bytes(payload[1:5], "big"))
    references = [{"name": one.name, "subject": one.subject, "version": one.version} for one in schema.references]
    return {"schema": schema.schema_str, "schemaType": schema.schema_type, "references": references}


def orders():
    from order_pb2 import Order, Ping

    full = Order(id=-7, customer="Zoë 😀", note="", coupon={"value": "SAVE"}, raw=b"\x00\xff", rate=0.1, share=1.5)
    full.lines.add(sku="A", quantity=2, tags=["x", ""])
    full.lines.add(sku="B", quantity=-1)
    full.stock["a"] = 0
    full.stock["b"] = 2147483647
    full.created.seconds, full.created.nanos = 1700000000, 123000000
    full.due.year, full.due.month, full.due.day = 2024, 2, 29
    full.at.hours, full.at.minutes, full.at.seconds, full.at.nanos = 23, 59, 58, 7000000
    full.address.street, full.address.zip = "Bahnhofstrasse", -8001
    full.state = Order.PAID
    full.deltas.extend([0, -1, 9223372036854775807, -9223372036854775808])
    full.paid, full.big, full.count = True, 9007199254740993, 4294967295
    full.cash.exact = True
    return [("full", full), ("empty", Order()), ("card", Order(card="")), ("second message", Ping(text="hi")),
            ("nested message", Order.Line(sku="C"))]


JSON_SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "order",
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "note": {"oneOf": [{"type": "null"}, {"type": "string"}]},
        "lines": {"type": "array", "items": {"$ref": "line.json"}},
        "state": {"type": "string", "enum": ["NEW", "PAID"]},
        "rate": {"type": "number"},
        "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    },
    "required": ["id"],
}
LINE_SCHEMA = {"title": "line", "type": "object", "properties": {"sku": {"type": "string"}, "paid": {"type": "boolean"}}}
DOCUMENTS = [
    {"id": 1, "note": None, "lines": [{"sku": "A", "paid": True}, {"sku": "Zoë 😀"}], "state": "PAID", "rate": 0.1,
     "either": 5},
    {"id": -9007199254740993, "note": "", "lines": [], "either": "x"},
]


def write(registry):
    compile_protos(["order.proto", "address.proto"])
    cases, subjects = [], {}
    for name, message in orders():
        topic = "protobuf-" + type(message).__name__.lower()
        serializer = ProtobufSerializer(type(message), registry, {"use.deprecated.format": False})
        payload = serializer(message, SerializationContext(topic, MessageField.VALUE))
        cases.append({"name": name, "format": "protobuf", "topic": topic, "bytes": base64.b64encode(payload).decode(),
                      "schema": schema_of(registry, payload),
                      "value": json_format.MessageToDict(message, preserving_proto_field_name=True)})
    registry.register_schema("line", Schema(json.dumps(LINE_SCHEMA), "JSON"))
    reference = SchemaReference("line.json", "line", 1)
    serializer = JSONSerializer(Schema(json.dumps(JSON_SCHEMA), "JSON", [reference]), registry)
    for document in DOCUMENTS:
        payload = serializer(document, SerializationContext("json-order", MessageField.VALUE))
        cases.append({"name": f"order {document['id']}", "format": "json", "topic": "json-order",
                      "bytes": base64.b64encode(payload).decode(), "schema": schema_of(registry, payload),
                      "value": document})
    for subject in registry.get_subjects():
        for version in registry.get_versions(subject):
            found = registry.get_version(subject, version)
            subjects[f"{subject}/{version}"] = schema_of(registry, b"\0" + found.schema_id.to_bytes(4, "big"))
    (HERE / "written.json").write_text(json.dumps({"cases": cases, "subjects": subjects}, indent=1, ensure_ascii=False) + "\n")


def compiled(text, name):
    """The module of a schema as Longshore registers it."""
    folder = pathlib.Path(tempfile.mkdtemp())
    decimal = folder / "confluent/type/decimal.proto"
    decimal.parent.mkdir(parents=True)
    decimal.write_text('syntax = "proto3"; package confluent.type;'
                       " message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }")
    start = text.find(" [(confluent.field_meta)")
    while start >= 0:  # protoc wants the option's definition; readers of records do not look at it.
        text = text[:start] + text[text.index("}]", start) + 2:]
        start = text.find(" [(confluent.field_meta)")
    (folder / f"{name}.proto").write_text(text)
    compile_protos([f"{name}.proto", "confluent/type/decimal.proto"], folder)
    return __import__(f"{name}_pb2")


def read(registry):
    """Each of Longshore's records, with its schema, read by the client; the ids are made to be the registry's."""
    read, modules = [], {}
    for case in json.loads((HERE / "longshore.json").read_text()):
        topic, payload = case["topic"], base64.b64decode(case["bytes"])
        schema = Schema(case["schema"], case["schemaType"])
        payload = b"\0" + registry.register_schema(f"{topic}-value", schema).to_bytes(4, "big") + payload[5:]
        context = SerializationContext(topic, MessageField.VALUE)
        if case["schemaType"] == "JSON":
            value = JSONDeserializer(None, schema_registry_client=registry)(payload, context)
        else:
            if case["schema"] not in modules:  # A message may be defined but once.
                modules[case["schema"]] = compiled(case["schema"], topic.replace("-", "_"))
            message = getattr(modules[case["schema"]], case["message"])
            value = json_format.MessageToDict(
                ProtobufDeserializer(message, {"use.deprecated.format": False})(payload, context),
                preserving_proto_field_name=True)
        read.append({"topic": topic, "value": value})
    (HERE / "read.json").write_text(json.dumps(read, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[2]](SchemaRegistryClient({"url": sys.argv[1]}))
