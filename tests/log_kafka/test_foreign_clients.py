"""Events on Kafka are CloudEvents in binary mode: clients that know nothing of us read them."""

from __future__ import annotations

import json
import subprocess

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from shared.events.cloudevents import to_message
from shared.log.kafka_client import kafka
from tests.service.spine.conftest import TOPIC
from tests.service.spine.tools import envelope, eventually

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def event():
    one = envelope("case-1", 7, family_id="f-1", note="Әже")
    return type(one)(**{**vars(one), "traceparent": TRACE})


def test_kcat_reads_an_event(log, settings):
    message = to_message(event())
    log.append(TOPIC, [message])
    topic = settings.database_prefix + TOPIC
    # -J: a line of JSON for each message; -e: end at the end of the topic
    command = ["kcat", "-C", "-b", settings.kafka_bootstrap, "-t", topic, "-o", "beginning", "-e", "-q", "-J"]
    read = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)
    headers = dict(zip(read["headers"][::2], read["headers"][1::2], strict=True))
    assert headers == message.headers
    assert headers["content-type"] == "application/json"
    assert headers["ce_type"] == "kz.birtereze.test.thing-done.v1"
    assert headers["ce_sequence"] == "0001-000000000007"
    assert read["key"] == headers["ce_partitionkey"] == "case-1"
    assert json.loads(read["payload"]) == {"family_id": "f-1", "note": "Әже"}


def test_the_cloudevents_sdk_reads_an_event(log, settings):
    sent = event()
    log.append(TOPIC, [to_message(sent)])
    consumer = kafka.KafkaConsumer(
        settings.database_prefix + TOPIC,
        bootstrap_servers=settings.kafka_bootstrap,
        auto_offset_reset="earliest",
    )
    polled = eventually(lambda: consumer.poll(timeout_ms=1000))
    consumer.close()
    record = next(iter(polled.values()))[0]
    read = from_binary(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())
    assert read.get_id() == sent.id
    assert read.get_type() == sent.type
    assert read.get_source() == sent.source
    assert read.get_subject() == sent.subject
    assert read.get_time() == sent.time
    assert read.get_specversion() == "1.0"
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("sequence") == sent.sequence
    assert read.get_extension("partitionkey") == sent.partitionkey
    assert read.get_extension("traceparent") == TRACE
    assert read.get_data() == sent.data
