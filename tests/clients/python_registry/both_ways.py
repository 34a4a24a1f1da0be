"""Confluent's Python serializers and Longshore's converters, each reading what the other wrote.

usage: both_ways.py BOOTSTRAP REGISTRY WORKER FOLDER
"""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.request

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "connectors/formats/tests/clients"))
from record import compiled  # noqa: E402

BOOTSTRAP, REGISTRY, WORKER, FOLDER = sys.argv[1:]
PATIENCE = 180
CONVERTERS = {
    "avro": "io.confluent.connect.avro.AvroConverter",
    "protobuf": "io.confluent.connect.protobuf.ProtobufConverter",
    "json": "io.confluent.connect.json.JsonSchemaConverter",
}
registry = SchemaRegistryClient({"url": REGISTRY})


def wait(what, check):
    end = time.monotonic() + PATIENCE
    while not (found := check()):
        if time.monotonic() > end:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.1)
    return found


def request(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(WORKER + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def worker_is_ready():
    try:
        return request("GET", "/connectors") is not None
    except (urllib.error.URLError, ConnectionError):
        return False


def create(name, kind, config):
    converter = {} if kind is None else {
        "value.converter": CONVERTERS[kind],
        "value.converter.schema.registry.url": REGISTRY,
        **({"value.converter.optional.for.nullables": "true"} if kind == "protobuf" else {}),
    }
    request("PUT", f"/connectors/{name}/config", {"tasks.max": "1", **config, **converter})


# From Python to a sink.

QUOTES = [
    {"n": 1, "symbol": "KAFK", "price": 7.5, "tags": ["a", "Zoë 😀"], "venue": {"mic": "XSWX"}},
    {"n": -9007199254740993, "symbol": "", "price": -0.1, "tags": [], "venue": {"mic": "XNAS"}},
]
LINES = [
    "Struct{n=1,symbol=KAFK,price=7.5,tags=[a, Zoë 😀],venue=Struct{mic=XSWX}}",
    "Struct{n=-9007199254740993,symbol=,price=-0.1,tags=[],venue=Struct{mic=XNAS}}",
]
AVRO = """{"type": "record", "name": "Quote", "fields": [
    {"name": "n", "type": "long"}, {"name": "symbol", "type": "string"}, {"name": "price", "type": "double"},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "venue", "type": {"type": "record", "name": "Venue", "fields": [{"name": "mic", "type": "string"}]}}]}"""
PROTO = """syntax = "proto3";
message Quote { int64 n = 1; string symbol = 2; double price = 3; repeated string tags = 4; Venue venue = 5; }
message Venue { string mic = 1; }"""
JSON_SCHEMA = """{"title": "Quote", "type": "object", "properties": {
    "n": {"type": "integer"}, "symbol": {"type": "string"}, "price": {"type": "number"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "venue": {"title": "Venue", "type": "object", "properties": {"mic": {"type": "string"}}}}}"""


def serializer(kind):
    if kind == "avro":
        return AvroSerializer(registry, AVRO)
    if kind == "json":
        return JSONSerializer(JSON_SCHEMA, registry)
    module = compiled(PROTO, "quote")
    protobuf = ProtobufSerializer(module.Quote, registry, {"use.deprecated.format": False})
    return lambda quote, context: protobuf(
        module.Quote(**{**quote, "venue": module.Venue(**quote["venue"])}), context)


def to_a_sink(kind):
    topic, file = f"quotes-{kind}", pathlib.Path(FOLDER, f"{kind}.txt")
    write, producer = serializer(kind), Producer({"bootstrap.servers": BOOTSTRAP})
    for quote in QUOTES:
        producer.produce(topic, write(quote, SerializationContext(topic, MessageField.VALUE)))
    assert producer.flush(PATIENCE) == 0
    create(f"sink-{kind}", kind, {"connector.class": "FileStreamSink", "topics": topic, "file": str(file)})
    lines = wait(f"{len(LINES)} lines of {kind}", lambda: (
        file.exists() and (found := file.read_text().splitlines()) and len(found) >= len(LINES) and found))
    assert lines == LINES, f"{kind}: {lines}"


# From a source to Python.

COUNT = 100
DESCRIPTION = """{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": {"type": "long", "arg.properties": {"iteration": {"start": 9007199254740990}}}},
    {"name": "count", "type": {"type": "int", "arg.properties": {"range": {"min": -5, "max": 5}}}},
    {"name": "total", "type": {"type": "double", "arg.properties": {"range": {"min": -1, "max": 1000}}}},
    {"name": "paid", "type": "boolean"},
    {"name": "customer", "type": {"type": "string", "arg.properties": {"regex": "C[0-9]{4}"}}},
    {"name": "note", "type": ["null", "string"]},
    {"name": "tags", "type": {"type": "array", "items": "string", "arg.properties": {"length": {"min": 0, "max": 3}}}},
    {"name": "address", "type": {"type": "record", "name": "Address", "fields": [
        {"name": "street", "type": "string"}, {"name": "zip", "type": "int"}]}}]}"""


def plain(message):
    """A message's fields by name; None for one that is not there and could be."""
    fields = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            value = list(value)
        elif field.has_presence and not message.HasField(field.name):
            value = None
        elif field.message_type is not None:
            value = plain(value)
        fields[field.name] = value
    return fields


def deserializer(kind, payload):
    if kind == "avro":
        return AvroDeserializer(registry)
    if kind == "json":
        return JSONDeserializer(None, schema_registry_client=registry)
    text = registry.get_schema(int.from_bytes(payload[1:5], "big")).schema_str
    message = compiled(text, "order").Order
    protobuf = ProtobufDeserializer(message, {"use.deprecated.format": False})
    return lambda payload, context: plain(protobuf(payload, context))


def consume(topic):
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": f"python-{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    payloads = []

    def enough():
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            payloads.append(message.value())
        return len(payloads) >= COUNT

    wait(f"{COUNT} records of {topic}", enough)
    consumer.close()
    return payloads


def generate(topic, kind):
    create(f"source-{topic}", kind, {
        "connector.class": "io.confluent.kafka.connect.datagen.DatagenConnector",
        "kafka.topic": topic, "schema.string": DESCRIPTION, "random.seed": "4311", "max.interval": "0",
        "iterations": str(COUNT)})
    return consume(topic)


def from_a_source(kind, expected):
    topic = f"orders-{kind}"
    payloads = generate(topic, kind)
    read = deserializer(kind, payloads[0])
    for payload, order in zip(payloads, expected, strict=True):
        found = read(payload, SerializationContext(topic, MessageField.VALUE))
        assert found == order, f"{kind}: {found} is not {order}"


wait("the worker", worker_is_ready)
# The same seed makes the same records: plain JSON says what the others have to be.
orders = [json.loads(payload) for payload in generate("orders", None)]
assert any(order["note"] is None for order in orders) and any(order["note"] for order in orders)
for kind in CONVERTERS:
    to_a_sink(kind)
    from_a_source(kind, orders)
    print(f"{kind}: {len(QUOTES)} records of Python's arrived, {len(orders)} of a source were read")
