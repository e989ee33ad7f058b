"""moto's server, with three things that moto 5.2.5 has not.

Its clusters of EKS have the address, authority and state that a file gives them: moto invents them, and has but one state. Regions may be denied to
everybody, where moto knows no conditions of policies. And GetCallerIdentity by a
presigned address is answered, for the key in that address, and only if the signature is right: moto's server sends such questions to S3, and its STS takes
all of them for one user.

Run by the Python of `.lab/aws`: PORT FILE. The file holds JSON and is read for every answer: "clusters" {NAME: {attribute of moto's cluster: value}},
"denied" [REGION].
"""

from __future__ import annotations

import json
import pathlib
import sys
import threading
import typing as t
from urllib.parse import parse_qs, urlsplit, urlunsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from moto.core.exceptions import AccessDeniedError, InvalidClientTokenIdError, SignatureDoesNotMatchError
from moto.core.responses import BaseResponse
from moto.eks.models import EKSBackend
from moto.iam.access_control import CreateAccessKeyFailure, create_access_key
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer
from moto.sts.responses import TokenResponse

port, file = int(sys.argv[1]), pathlib.Path(sys.argv[2])
list_all, describe, get_access_key, get_caller_identity, infer_host = (
    EKSBackend.list_clusters,
    EKSBackend.describe_cluster,
    BaseResponse.get_access_key,
    TokenResponse.get_caller_identity,
    DomainDispatcherApplication.infer_service_region_host,
)


def listed(self: t.Any, **page: t.Any) -> t.Any:
    """The clusters of a region, unless it is denied."""
    if self.region_name in json.loads(file.read_text())["denied"]:
        raise AccessDeniedError(f"arn:aws:iam::{self.account_id}:user/anybody", "eks:ListClusters")
    return list_all(self, **page)


def described(self: t.Any, name: str) -> t.Any:
    """The cluster with what the file says of it."""
    cluster = describe(self, name)
    for attribute, value in json.loads(file.read_text())["clusters"].get(name, {}).items():
        setattr(cluster, attribute, value)
    return cluster


def host(self: t.Any, environ: t.Mapping[str, str], path: str) -> str | None:
    """The service that a request is for, also where an address says so."""
    signed = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential")
    if signed and "HTTP_AUTHORIZATION" not in environ:
        _key, _date, region, service, _kind = signed[0].split("/")
        return f"{service}.{region}.amazonaws.com"
    return t.cast("str | None", infer_host(self, environ, path))


def access_key(self: t.Any) -> str:
    """The key of the request, that of a presigned address too."""
    signed = self.querystring.get("X-Amz-Credential")
    return str(signed[0].split("/")[0] if signed else get_access_key(self))


def caller_identity(self: t.Any) -> t.Any:
    """Who is asking. A presigned address must be signed by the key that it names."""
    if "X-Amz-Signature" in self.querystring:
        check(self)
    return get_caller_identity(self)


def check(response: t.Any) -> None:
    """Raises as STS does where the signature is not that of the key."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(response.uri).query).items()}
    key, _date, region = query["X-Amz-Credential"].split("/")[:3]
    headers = {name: value for name, value in query.items() if name == "X-Amz-Security-Token"}
    try:
        found = create_access_key(response.current_account, "aws", key, headers)
    except CreateAccessKeyFailure:
        raise InvalidClientTokenIdError() from None
    signed = {name: response.headers[name] for name in query["X-Amz-SignedHeaders"].split(";")}
    unsigned = "&".join(
        pair for pair in urlsplit(response.uri).query.split("&") if not pair.startswith("X-Amz-Signature=")
    )
    url = urlunsplit((*urlsplit(response.uri)[:3], unsigned, ""))
    request = AWSRequest(method="GET", url=url, headers=signed)
    request.context["timestamp"] = query["X-Amz-Date"]
    auth = SigV4QueryAuth(found.create_credentials(), "sts", region)
    if (
        auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        != query["X-Amz-Signature"]
    ):
        raise SignatureDoesNotMatchError()


EKSBackend.list_clusters = listed
EKSBackend.describe_cluster = described
BaseResponse.get_access_key = access_key
TokenResponse.get_caller_identity = caller_identity
DomainDispatcherApplication.infer_service_region_host = host
ThreadedMotoServer("127.0.0.1", port).start()
threading.Event().wait()
