"""The certificates and keys of one cluster: an own authority, made when the cluster is made, thrown away with it."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=3650)
BACKDATED = datetime.timedelta(hours=1)  # so that a clock set back a little does not make them invalid


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files in PEM."""

    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    """A certificate authority that keeps what it issues in one directory."""

    def __init__(self, directory: pathlib.Path, name: str) -> None:
        """Make a new authority called `name`; its files are `ca.crt` and `ca.key` in `directory`."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pair = self._save("ca", certificate, self._key)

    def issue(self, file: str, user: str, group: str | None = None, hosts: Sequence[str] = ()) -> Pair:
        """Issue a certificate for clients and servers as `FILE.crt` and `FILE.key`.

        `user` and `group` are what Kubernetes reads from it as a client; `hosts` are the names and addresses it serves.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        if group is not None:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        builder = (
            _builder(x509.Name(attributes), self._name, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        return self._save(file, builder.sign(self._key, hashes.SHA256()), key)

    def signing_key(self, file: str) -> Pair:
        """A bare key pair as `FILE.pub` and `FILE.key`, for the tokens of service accounts."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = self._directory / f"{file}.pub"
        public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return Pair(public, self._save_key(file, key))

    def _save(self, file: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
        path = self._directory / f"{file}.crt"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return Pair(path, self._save_key(file, key))

    def _save_key(self, file: str, key: ec.EllipticCurvePrivateKey) -> pathlib.Path:
        path = self._directory / f"{file}.key"
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return path


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
