"""What is read from bytes: certificates, and a manager's answers."""

from __future__ import annotations

import base64
import datetime

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import clock
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import (
    certificates,
    intercepts,
    protobuf,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .builders import recorded, snapshot


def certificate(until: datetime.datetime) -> x509.Certificate:
    """A certificate that ends then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agent-injector")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = made.not_valid_before(datetime.datetime(1990, 1, 1)).not_valid_after(until)
    return made.sign(key, hashes.SHA256())


@pytest.mark.parametrize("year", [1999, 2027, 2049, 2050, 2120])
def test_the_end_of_a_certificate(year: int) -> None:
    """Up to 2049 it is written with two digits of the year, from 2050 on with four."""
    made = certificate(datetime.datetime(year, 11, 24, 14, 5, 45)).public_bytes(serialization.Encoding.DER)
    assert clock.text(certificates.end(made)) == f"{year}-11-24T14:05:45Z"


def test_the_first_end_of_several_certificates() -> None:
    ends = [datetime.datetime(year, 1, 2, 3, 4, 5) for year in (2030, 2028, 2031)]
    pem = b"".join(certificate(end).public_bytes(serialization.Encoding.PEM) for end in ends)
    assert clock.text(certificates.first_end(pem)) == "2028-01-02T03:04:05Z"


def test_the_end_of_the_recorded_authority() -> None:
    (configuration,) = recorded("intercepted", "MutatingWebhookConfiguration")
    pem = base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"])
    assert clock.text(certificates.first_end(pem)) == "2027-11-24T14:05:45Z"


def test_a_broken_certificate_has_no_end() -> None:
    made = certificate(datetime.datetime(2030, 1, 1)).public_bytes(serialization.Encoding.DER)
    assert [certificates.end(made[:size]) for size in range(len(made))] == [None] * len(made)
    broken = b"-----BEGIN CERTIFICATE-----\n%b\n-----END CERTIFICATE-----\n"
    for body in (b"", b"!", base64.b64encode(made[:50])):
        assert certificates.first_end(broken % body) is None
    assert certificates.first_end(b"no PEM") is None


@pytest.mark.parametrize("body", [b"", b"AAAA"])
def test_one_broken_certificate_among_good_ones_makes_the_end_unknown(body: bytes) -> None:
    good = certificate(datetime.datetime(2030, 1, 1)).public_bytes(serialization.Encoding.PEM)
    assert certificates.first_end(good + b"-----BEGIN CERTIFICATE-----\n%b\n-----END CERTIFICATE-----\n" % body) is None


def test_the_fields_of_a_message() -> None:
    """Written by hand after the encoding's own examples: 150 in field 1, "testing" in 2, two numbers of fixed size, 1 again."""
    data = bytes.fromhex("089601" + "120774657374696e67" + "1900000000000000ff" + "25000000ff" + "0801")
    fields = protobuf.read(data)
    assert protobuf.number(fields, 1) == 1
    assert fields[1] == [150, 1]
    assert protobuf.text(fields, 2) == "testing"
    assert (protobuf.number(fields, 9), protobuf.text(fields, 9), protobuf.message(fields, 9)) == (0, "", b"")
    assert (protobuf.text(fields, 1), protobuf.number(fields, 2)) == ("", 0)


@pytest.mark.parametrize("data", ["08", "0896", "1207746573", "0b", "19000000", "08" + "ff" * 11, "12ffff"])
def test_a_broken_message_is_an_error(data: str) -> None:
    with pytest.raises(ValueError, match=r"cut off|wire type"):
        protobuf.read(bytes.fromhex(data))


def test_the_recorded_intercepts() -> None:
    found = intercepts.decode(snapshot("intercepted"), "manager-system")
    told = sorted((one.name, one.client, one.disposition, one.replace) for one in found)
    assert told == [
        ("plain", "dev@laptop", "ACTIVE", False),
        ("web", "dev@laptop", "ACTIVE", False),
        ("web", "dev@laptop", "AGENT_ERROR", False),
    ]
    (turned_away,) = [one for one in found if one.disposition == "AGENT_ERROR"]
    assert turned_away.message.startswith("Conflicts with the currently-served intercept")
    (web,) = [one for one in found if (one.name, one.disposition) == ("web", "ACTIVE")]
    assert web.id == f"{web.session_id}:web"
    assert (web.manager, web.namespace, web.agent, web.kind) == ("manager-system", "manager-shop", "web", "Deployment")
    assert (web.wiretap, web.message) == (False, "")
    assert web.pod.startswith("web-7df5fb5579-") and web.pod_ip.startswith("198.18.")
    assert (clock.text(web.changed) or "").startswith("2026-11-24T14:29:")


def test_the_recorded_replacing_intercepts() -> None:
    found = intercepts.decode(snapshot("replaced"), "manager-system")
    assert sorted((one.name, one.client) for one in found if one.replace) == [("plain", "ci@runner-1")] * 2


def test_nothing_of_an_application_s_environment_is_told() -> None:
    """The answers hold it: what is shown of them must not."""
    assert b"KUBERNETES_SERVICE_HOST" in snapshot("replaced") or b"PATH" in snapshot("replaced")
    shown = str([intercepts.record(one) for one in intercepts.decode(snapshot("replaced"), "m")])
    assert "KUBERNETES" not in shown and "PATH" not in shown


def test_an_empty_answer_is_no_intercepts() -> None:
    assert intercepts.decode(b"", "manager-system") == []


@pytest.mark.parametrize("size", [1, 5, 100, 2000])
def test_half_an_answer_is_an_error(size: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        intercepts.decode(snapshot("intercepted")[:size], "manager-system")


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300, 70000])
def test_what_is_written_is_read_again(size: int) -> None:
    session = protobuf.write({1: "s" * size})
    fields = protobuf.read(protobuf.write({1: session, 2: "wéb", 200: "x"}))
    assert protobuf.text(protobuf.read(protobuf.message(fields, 1)), 1) == "s" * size
    assert (protobuf.text(fields, 2), protobuf.text(fields, 200)) == ("wéb", "x")


def test_a_message_is_written_as_every_other_library_does() -> None:
    """Field 1, of type 2, of three bytes, as in the guide of protocol buffers; then one of 150 bytes, whose length takes two."""
    assert protobuf.write({1: "abc"}) == b"\x0a\x03abc"
    assert protobuf.write({2: b"x" * 150})[:3] == b"\x12\x96\x01"
