"""A certificate authority of the tests' own, so that encrypted servers on loopback are verified like real ones."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Authority:
    """Issues certificates. `ca_file` is its own, `certificate` and `key` those of a server that is called `names`, and if
    it is `local`, localhost and 127.0.0.1 too."""

    def __init__(self, folder: Path, *names: str, local: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.ca_file = folder / "ca.pem"
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        own_key = ec.generate_private_key(ec.SECP256R1())
        own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Nod test authority {uuid4().hex}")])
        own = _signed(own_name, own_name, own_key, own_key, x509.BasicConstraints(ca=True, path_length=0))
        server_key = ec.generate_private_key(ec.SECP256R1())
        server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        alternatives = x509.SubjectAlternativeName(
            [
                *map(x509.DNSName, (*names, "localhost") if local else names),
                *([x509.IPAddress(ip_address("127.0.0.1"))] if local else []),
            ]
        )
        server = _signed(server_name, own_name, server_key, own_key, alternatives)
        self.ca_file.write_bytes(own.public_bytes(Encoding.PEM))
        self.certificate.write_bytes(server.public_bytes(Encoding.PEM))
        self.key.write_bytes(server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def server_context(self) -> ssl.SSLContext:
        """For a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client that trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(extension, critical=True)
        .sign(by, hashes.SHA256())
    )
