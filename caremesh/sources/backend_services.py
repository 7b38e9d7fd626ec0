"""SMART Backend Services: a client without a person proves by a signed statement who it is, and gets a token.

https://hl7.org/fhir/smart-app-launch/backend-services.html, and client-confidential-asymmetric.html for the statement
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from caremesh.errors import UsageError
from caremesh.sources.addresses import refuse_plain
from caremesh.sources.web import Anyone, Authority, BearerToken, OwnServer, Web, refused

_LIFETIME = 300
_EARLY = 30
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class BackendServices:
    """Gets tokens of a server for a registered client, a new one when the last is about to end."""

    def __init__(
        self, web: Web, server: str, *, client_id: str, key_file: Path, key_id: str | None, scope: str, run_id: str
    ) -> None:
        """Keep who asks; nothing is sent or read. `run_id` makes statements of this run differ from all others."""
        self._web = web
        self._server = server.rstrip("/")
        self._client_id, self._key_file, self._key_id = client_id, key_file, key_id
        self._scope = scope
        self._ids = (f"{run_id}-{n}" for n in itertools.count(1))
        self._lock = threading.Lock()
        self._token: str | None = None
        self._ends = 0.0

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The token that is valid now."""
        del method, url, body
        with self._lock:
            if self._token is None or self._web.clock.now().timestamp() > self._ends:
                self._token, lifetime = self._ask()
                self._ends = self._web.clock.now().timestamp() + lifetime - _EARLY
            return {"Authorization": f"Bearer {self._token}"}

    def expire(self) -> bool:
        """Forget the token; the next request asks for another one."""
        with self._lock:
            had, self._token = self._token, None
        return had is not None

    def _ask(self) -> tuple[str, float]:
        endpoint = self._endpoint()
        form = {
            "grant_type": "client_credentials",
            "scope": self._scope,
            "client_assertion_type": _ASSERTION,
            "client_assertion": self._statement(endpoint),
        }
        answer = self._web.ask(
            "POST",
            endpoint,
            authority=Anyone(),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body=urlencode(form).encode(),
        )
        try:
            stated = orjson.loads(answer.body)
            return str(stated["access_token"]), float(stated.get("expires_in", _LIFETIME))
        except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
            raise refused(answer, endpoint, doing="no token was given", hint=_HINT) from None

    def _endpoint(self) -> str:
        url = f"{self._server}/.well-known/smart-configuration"
        answer = self._web.ask("GET", url, authority=Anyone(), headers={"Accept": "application/json"})
        try:
            endpoint = str(orjson.loads(answer.body)["token_endpoint"])
        except (orjson.JSONDecodeError, LookupError, TypeError):
            raise refused(answer, url, doing="no token endpoint is stated", hint=_HINT) from None
        refuse_plain(endpoint)
        return endpoint

    def _statement(self, audience: str) -> str:
        """A JWT that names client and audience, and ends soon."""
        key = _read_key(self._key_file)
        algorithm, sign = _signer(key, self._key_file)
        header = {"alg": algorithm, "typ": "JWT", **({"kid": self._key_id} if self._key_id else {})}
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": audience,
            "exp": int(self._web.clock.now().timestamp()) + _LIFETIME,
            "jti": next(self._ids),
        }
        signed = b".".join(_encode(json.dumps(part).encode()) for part in (header, claims))
        return b".".join((signed, _encode(sign(signed)))).decode()


def choose_authority(web: Web, server: str, *, run_id: str) -> Authority:
    """What opens a server, by the settings: a client with its key, or a token, or nothing."""
    settings = web.settings
    if settings.client_id and settings.key_file:
        services = BackendServices(
            web,
            server,
            client_id=settings.client_id,
            key_file=settings.key_file,
            key_id=settings.key_id,
            scope=settings.scope,
            run_id=run_id,
        )
        return OwnServer(server, services, settings.token_hosts)
    if settings.client_id or settings.key_file:
        raise UsageError(
            "CAREMESH_EXPORT_CLIENT_ID and CAREMESH_EXPORT_KEY_FILE go together", hint="give both, or neither"
        )
    return OwnServer(server, BearerToken(settings.token), settings.token_hosts) if settings.token else Anyone()


def _read_key(path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        kind = type(error).__name__
        raise UsageError(
            f"the private key cannot be read ({kind})", where=str(path), hint="a PEM file without a password"
        ) from None


def _signer(key: Any, path: Path) -> tuple[str, Any]:
    """The algorithm that goes with a key, and what signs; those are the two that SMART asks every server to know."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    if isinstance(key, rsa.RSAPrivateKey):
        return "RS384", lambda text: key.sign(text, padding.PKCS1v15(), hashes.SHA384())
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp384r1":

        def sign(text: bytes) -> bytes:
            # A JWT wants the two numbers, and not their DER: https://www.rfc-editor.org/rfc/rfc7518#section-3.4
            numbers = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA384())))
            return b"".join(number.to_bytes(48) for number in numbers)

        return "ES384", sign
    raise UsageError(
        "the key is neither RSA nor on the curve P-384", where=str(path), hint="make one for RS384 or ES384"
    )


def _encode(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


_HINT = "check the server's address, and that the client is registered with this key"
