#!/usr/bin/env python3
"""Writes confluent-avro.jsonl: records as Confluent's client for Python serializes them (confluent-kafka 2.12.2).

usage: pip install 'confluent-kafka[avro,schemaregistry]==2.12.2'
       confluent_avro.py REGISTRY_URL >confluent-avro.jsonl

A line holds the schema, the schemas that it refers to, the record without its five bytes of magic byte and id (which
are the registry's choice), and the JSON that the record is in Kafka Connect's model, written here by hand.
"""
import datetime
import decimal
import json
import sys
import uuid

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

ORDER = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [
        {"name": "name", "type": "string"}, {"name": "vip", "type": "boolean", "default": False}]}},
    {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
        {"name": "sku", "type": "string"}, {"name": "quantity", "type": "int"}, {"name": "price", "type": "double"}]}}},
    {"name": "note", "type": ["null", "string"], "default": None},
    {"name": "labels", "type": {"type": "map", "values": "string"}}]}


def record(name, *fields):
    return {"type": "record", "name": name, "fields": [{"name": key, "type": kind} for key, kind in fields]}


UTC = datetime.timezone.utc
LIST = record("List", ("value", "int"), ("next", ["null", "List"]))
CASES = [
    ("an order", ORDER,
     {"id": 4711, "customer": {"name": "Zoë", "vip": True}, "items": [
         {"sku": "A-1", "quantity": 2, "price": 19.5}, {"sku": "B", "quantity": -1, "price": 1e300}],
      "note": None, "labels": {"color": "red"}},
     {"id": 4711, "customer": {"name": "Zoë", "vip": True}, "items": [
         {"sku": "A-1", "quantity": 2, "price": 19.5}, {"sku": "B", "quantity": -1, "price": 1e300}],
      "note": None, "labels": {"color": "red"}}),
    ("numbers at their ends", record("N", ("i", "int"), ("j", "int"), ("l", "long"), ("m", "long"), ("f", "float")),
     {"i": -2**31, "j": 2**31 - 1, "l": -2**63, "m": 2**63 - 1, "f": 0.5},
     {"i": -2**31, "j": 2**31 - 1, "l": -2**63, "m": 2**63 - 1, "f": 0.5}),
    ("bytes and fixed", record("B", ("b", "bytes"), ("f", {"type": "fixed", "name": "F", "size": 3})),
     {"b": b"\x00\xff", "f": b"abc"}, {"b": "AP8=", "f": "YWJj"}),
    ("logical types", record(
        "L", ("date", {"type": "int", "logicalType": "date"}), ("time", {"type": "int", "logicalType": "time-millis"}),
        ("at", {"type": "long", "logicalType": "timestamp-millis"}),
        ("micros", {"type": "long", "logicalType": "timestamp-micros"}),
        ("price", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
        ("id", {"type": "string", "logicalType": "uuid"})),
     {"date": datetime.date(2026, 11, 21), "time": datetime.time(1, 2, 3, 4000),
      "at": datetime.datetime(2026, 11, 21, 12, 0, 0, 5000, UTC),
      "micros": datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
      "price": decimal.Decimal("-123.45"), "id": uuid.UUID(int=5)},
     {"date": 20778, "time": 3723004, "at": 1795262400005, "micros": -1, "price": -123.45,
      "id": "00000000-0000-0000-0000-000000000005"}),
    ("an enum", record("E", ("e", {"type": "enum", "name": "Suit", "symbols": ["CLUBS", "HEARTS"]})),
     {"e": "HEARTS"}, {"e": "HEARTS"}),
    ("a union of several", record("U", ("u", ["null", "int", "string", record("R", ("x", "int"))])),
     {"u": {"x": 3}}, {"u": {"int": None, "string": None, "R": {"x": 3}}}),
    ("a union that is null", record("U", ("u", ["int", "null", "string"])), {"u": None}, {"u": None}),
    ("a list of records within themselves", LIST, {"value": 1, "next": {"value": 2, "next": None}},
     {"value": 1, "next": {"value": 2, "next": None}}),
    ("empty collections", record("C", ("a", {"type": "array", "items": "int"}), ("m", {"type": "map", "values": "int"})),
     {"a": [], "m": {}}, {"a": [], "m": {}}),
    ("a long array", record("A", ("a", {"type": "array", "items": "long"})),
     {"a": list(range(-1500, 1500))}, {"a": list(range(-1500, 1500))}),
    ("a string alone", {"type": "string"}, "Grüße 🌍", "Grüße 🌍"),
    ("a number that may be missing", ["null", "long"], 5, 5),
]


def main():
    client = SchemaRegistryClient({"url": sys.argv[1]})
    money = record("Money", ("units", "long"), ("currency", "string"))
    client.register_schema("confluent-avro-money", Schema(json.dumps(money), "AVRO"))
    reference = SchemaReference("Money", "confluent-avro-money", 1)
    used = record("Invoice", ("total", "Money"), ("paid", ["null", "Money"]))
    value = {"total": {"units": 7, "currency": "CHF"}, "paid": None}
    cases = [(*case, []) for case in CASES] + [("a schema that refers to another", used, value, value, [reference])]
    for index, (name, schema, python, connect, references) in enumerate(cases):
        text = json.dumps(schema)
        serializer = AvroSerializer(client, Schema(text, "AVRO", references))
        data = serializer(python, SerializationContext(f"confluent-avro-{index}", MessageField.VALUE))
        refers = [{"name": one.name, "schema": json.dumps(money)} for one in references]
        line = {"name": name, "schema": text, "references": refers, "data": data[5:].hex(), "connect": connect}
        print(json.dumps(line, ensure_ascii=False))


main()
