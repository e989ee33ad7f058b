"""Error answers: ``Status`` objects in the words of a Kubernetes 1.34.4 server, against which they were compared.

Their source is k8s.io/apimachinery ``pkg/api/errors``.
"""

from __future__ import annotations

from typing import Any

from .kinds import Kind

Json = dict[str, Any]


class ApiError(Exception):
    """An answer other than success.

    *code* is the HTTP status, *reason* the machine-readable word of the Status, *details* its ``details``;
    *retry_after* (seconds) goes to the details and to the ``Retry-After`` header.
    """

    def __init__(
        self, code: int, reason: str, message: str, details: Json | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
        if retry_after is not None:
            details = {**(details or {}), "retryAfterSeconds": retry_after}
        self.body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({} if details is None else {"details": details}),
            "code": code,
        }


def _qualified(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def details(kind: Kind, name: str) -> Json:
    """The ``details`` of a Status about one object."""
    return {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural}


def not_found(kind: Kind, name: str) -> ApiError:
    """404 for one object."""
    return ApiError(404, "NotFound", f'{_qualified(kind)} "{name}" not found', details(kind, name))


def no_such_path() -> ApiError:
    """404 for a resource that is not in its group."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def invalid_uid(kind: Kind, name: str, uid: str) -> ApiError:
    """422 for a write that names another uid."""
    cause = f'Invalid value: "{uid}": field is immutable'
    causes = [{"reason": "FieldValueInvalid", "message": cause, "field": "metadata.uid"}]
    message = f'{kind.name}.{kind.group} "{name}" is invalid: metadata.uid: {cause}'
    return ApiError(422, "Invalid", message, {**details(kind, name), "kind": kind.name, "causes": causes})


def method_not_allowed() -> ApiError:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def not_acceptable() -> ApiError:
    """406: the client takes no representation the server has."""
    message = "406: Not Acceptable\n\nAvailable representations: application/json"
    return ApiError(406, "NotAcceptable", message, {})


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 for a create of what is there."""
    return ApiError(409, "AlreadyExists", f'{_qualified(kind)} "{name}" already exists', details(kind, name))


def conflict(kind: Kind, name: str, cause: str) -> ApiError:
    """409 for a write that lost a compare-and-set; *cause* says which."""
    message = f'Operation cannot be fulfilled on {_qualified(kind)} "{name}": {cause}'
    return ApiError(409, "Conflict", message, details(kind, name))


def check_name(name: str, given: str | None) -> None:
    """400 unless the body names the object of the URL, *name*."""
    if not given:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")


def other_uid(kind: Kind, metadata: Json, uid: str) -> ApiError:
    """409 for a PUT that names another uid than the stored *metadata* has."""
    name = metadata["name"]
    key = "/".join(filter(None, ("/registry", kind.plural, metadata.get("namespace"), name)))
    cause = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {metadata['uid']}"
    storage = f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {cause}"
    return conflict(kind, name, storage)


def precondition_failed(kind: Kind, name: str, word: str, wanted: str, found: str) -> ApiError:
    """409 for a delete whose preconditions name another uid or version (*word*). It names the kind where other
    conflicts name the resource.
    """
    happened = {"UID": "deleted and then recreated", "ResourceVersion": "modified"}[word]
    cause = (
        f"the {word} in the precondition ({wanted}) does not match the {word} in record ({found}). "
        f"The object might have been {happened}"
    )
    qualified = f"{kind.name}.{kind.group}" if kind.group else kind.name
    message = f'Operation cannot be fulfilled on {qualified} "{name}": {cause}'
    return ApiError(409, "Conflict", message, {**details(kind, name), "kind": kind.name})


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def unsupported(message: str) -> ApiError:
    """415: a patch this fake does not apply, rather than one applied wrongly."""
    return ApiError(415, "UnsupportedMediaType", message)


def unauthorized() -> ApiError:
    """401: a token the server does not know."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, group: str, resource: str, namespace: str, name: str = "") -> ApiError:
    """403 in the words of the RBAC authoriser. *resource* includes the subresource after a slash; *namespace* "" is the
    cluster.
    """
    qualified = f"{resource.split('/')[0]}.{group}" if group else resource.split("/")[0]
    subject = f'{qualified} "{name}"' if name else qualified
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{group}" {scope}'
    )
    about = {"name": name, "group": group, "kind": resource.split("/")[0]}
    return ApiError(403, "Forbidden", message, {key: value for key, value in about.items() if value})


def expired() -> ApiError:
    """410: a continue token that is too old."""
    return ApiError(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. "
        "You can start a new list without the continue parameter.",
    )


def too_many_requests(retry_after: int = 1) -> ApiError:
    """429 with Retry-After, seconds."""
    message = "the server has received too many requests and has asked us to try again later"
    return ApiError(429, "TooManyRequests", message, retry_after=retry_after)


def budget_spent(name: str, desired: int, current: int) -> ApiError:
    """429 for an eviction that a PodDisruptionBudget forbids; it says nothing of when to try again."""
    cause = f"The disruption budget {name} needs {desired} healthy pods and has {current} currently"
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return ApiError(429, "TooManyRequests", message, {"causes": [{"reason": "DisruptionBudget", "message": cause}]})


def several_budgets() -> ApiError:
    """500 for an eviction of a pod that two budgets select; without a reason."""
    message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    error = ApiError(500, "", message)
    del error.body["reason"]
    return error


def internal_error(cause: str) -> ApiError:
    """500."""
    return ApiError(500, "InternalError", f"Internal error occurred: {cause}", {"causes": [{"message": cause}]})


def unavailable(
    message: str = "the server is currently unable to handle the request", retry_after: int | None = None
) -> ApiError:
    """503, perhaps with Retry-After, seconds."""
    return ApiError(503, "ServiceUnavailable", message, retry_after=retry_after)
