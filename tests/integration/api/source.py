"""A source that misbehaves on demand: a real HTTPS server whose answers a test writes down beforehand."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Request:
    """What the source was asked."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    at: float


@dataclass
class Source:
    """The server. `script` holds what it answers, one entry per request; the last one is repeated."""

    certificate: Path
    script: list[Behaviour] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def start(self, key: Path) -> ThreadingHTTPServer:
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                given = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                source.requests.append(Request(parts.path, given, headers, time.monotonic()))
                behaviour = source.script.pop(0) if len(source.script) > 1 else source.script[0]
                behaviour(self)

            def log_message(self, *_: Any) -> None:
                """Nothing: a test that fails tells what was asked."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "source")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "source.pem", directory / "source.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


def answers(status: int, body: bytes | str = b"", content_type: str = "application/json", **headers: str) -> Behaviour:
    """An answer; underscores in the names of headers stand for hyphens."""
    content = body.encode() if isinstance(body, str) else body

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def cut(body: str, missing: int = 10) -> Behaviour:
    """An answer that ends before it should."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body.encode()) + missing))
        handler.end_headers()
        handler.wfile.write(body.encode())
        hang_up(handler)

    return behave


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """No answer at all, or no more of it."""
    handler.close_connection = True
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def sleeps(seconds: float, then: Behaviour) -> Behaviour:
    """An answer that takes its time."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        then(handler)

    return behave


def listed(records: list[Any]) -> str:
    """Records as the source of exchange rates sends them."""
    return json.dumps({"data": records})
