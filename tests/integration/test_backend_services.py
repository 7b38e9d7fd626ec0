"""SMART Backend Services: who asks for an export proves it by a signed statement, anew when the token has ended."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.bulk_server import BulkServer, patients, run_bulk_server
from tests.conftest import Result


class TokenEndpoint:
    """Gives a new token to each statement that is signed by the key, says what it has to, and was never seen."""

    def __init__(self, public_key: Any, server: BulkServer) -> None:
        self.public_key, self.server = public_key, server
        self.seen: list[str] = []

    def __call__(self, form: dict[str, list[str]]) -> str | None:
        (statement,) = form["client_assertion"]
        signed, _, signature = statement.rpartition(".")
        self.verify(signed.encode(), decode(signature))
        header, claims = (json.loads(decode(part)) for part in signed.split("."))
        assert form["grant_type"] == ["client_credentials"]
        assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
        assert form["scope"] == ["system/*.rs"]
        assert (header["typ"], header["kid"]) == ("JWT", "key-1")
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", f"{self.server.address}/token")
        assert 0 < claims["exp"] - time.time() <= 300
        assert claims["jti"] not in self.seen
        self.seen.append(claims["jti"])
        self.server.token = f"token-{len(self.seen)}"
        return self.server.token

    def verify(self, signed: bytes, signature: bytes) -> None:
        if isinstance(self.public_key, rsa.RSAPublicKey):
            self.public_key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA384())
            return
        numbers = (int.from_bytes(signature[:48]), int.from_bytes(signature[48:]))
        self.public_key.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(hashes.SHA384()))


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


KEYS: dict[str, Callable[[], Any]] = {
    "RS384": lambda: rsa.generate_private_key(65537, 2048),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BulkServer]:
    monkeypatch.setenv("CAREMESH_EXPORT_POLL_SECONDS", "0.01")
    monkeypatch.setenv("CAREMESH_EXPORT_RETRY_SECONDS", "0.001")
    monkeypatch.setenv("CAREMESH_EXPORT_CLIENT_ID", "me")
    monkeypatch.setenv("CAREMESH_EXPORT_KEY_ID", "key-1")
    plan = BulkServer(files={"a": patients(range(3)), "b": patients(range(3, 9))}, token="none yet", needs_token=True)
    with run_bulk_server(plan):
        yield plan


def write_key(key: Any, path: Path) -> Path:
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_a_registered_client_gets_its_export(
    caremesh: Callable[..., Result], server: BulkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    key = KEYS[algorithm]()
    endpoint = TokenEndpoint(key.public_key(), server)
    server.issue_token = endpoint
    monkeypatch.setenv("CAREMESH_EXPORT_KEY_FILE", str(write_key(key, tmp_path / "key.pem")))
    expired: list[str] = []

    def end_token(seen: Any) -> None:
        # The first request for a file finds that the token has ended.
        if "/files/" in seen.path and not expired:
            expired.append(seen.path)
            server.token = "another one"

    server.fault = end_token
    options = ("--landing", tmp_path / "landing", "--lake", tmp_path / "lake", "--name", "x", "--follow")
    done = caremesh("export", "start", "--server", server.base, *options)
    assert (done.exit_code, done.stderr.count("token-")) == (0, 0), done.stderr
    assert len(list((tmp_path / "landing" / "x" / "Patient").iterdir())) == 2
    assert len(endpoint.seen) >= 2
    kept = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "key.pem"]
    assert not [p for p in kept if b"token-" in p.read_bytes()]


def test_a_client_that_is_not_registered_is_told_so(
    caremesh: Callable[..., Result], server: BulkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--server", server.base, "--landing", tmp_path / "landing", "--lake", tmp_path / "lake")
    assert "go together" in caremesh("export", "start", *options).stderr
    monkeypatch.setenv("CAREMESH_EXPORT_KEY_FILE", str(tmp_path / "nothing.pem"))
    assert caremesh("export", "start", *options).exit_code == 2
    monkeypatch.setenv("CAREMESH_EXPORT_KEY_FILE", str(write_key(KEYS["ES384"](), tmp_path / "key.pem")))
    refused = caremesh("export", "start", *options)
    assert (refused.exit_code, "no token was given" in refused.stderr) == (21, True)
