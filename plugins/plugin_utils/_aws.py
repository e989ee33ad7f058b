# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""AWS through boto3: a session as the user wants it, and a token for a cluster of Amazon EKS.

Run as a program, this is a credential plugin for kubeconfigs that needs no ``aws`` command, with the options of ``aws eks get-token``.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import json
import sys
import typing as t

API = "client.authentication.k8s.io/v1beta1"
"""Of the credentials that are printed, as ``aws eks update-kubeconfig`` writes it (awscli 1.46.3, customizations/eks/get_token.py)."""
PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
SIGNED_FOR = 60
"""Seconds that the address in a token names as its lifetime; EKS accepts it for 15 minutes all the same (there, URL_TIMEOUT)."""
LIFETIME = datetime.timedelta(minutes=14)
"""After which a token is not used any more (there, TOKEN_EXPIRATION_MINS)."""


def session(profile: str | None, role: str | None, region: str | None) -> t.Any:
    """A boto3 session of a profile, or of the role that it assumes. Raises what botocore raises."""
    import boto3

    own = boto3.Session(profile_name=profile, region_name=region)
    if not role:
        return own
    answer = own.client("sts").assume_role(RoleArn=role, RoleSessionName="telepresence")["Credentials"]
    return boto3.Session(
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
        region_name=own.region_name,
    )


def token(account: t.Any, region: str, cluster: str) -> str:
    """A token for a cluster: the address of a question to STS who is asking, signed for this cluster. No request is made.

    Raises what botocore raises, as where there are no credentials.
    """
    from botocore.exceptions import NoCredentialsError
    from botocore.signers import RequestSigner

    credentials = account.get_credentials()
    if credentials is None:
        raise NoCredentialsError()
    sts = account.client("sts", region_name=region)
    signer = RequestSigner(sts.meta.service_model.service_id, region, "sts", "v4", credentials, account.events)
    address = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"{sts.meta.endpoint_url.rstrip('/')}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {CLUSTER_HEADER: cluster},
            "context": {},
        },
        region_name=region,
        expires_in=SIGNED_FOR,
        operation_name="",
    )
    return PREFIX + base64.urlsafe_b64encode(address.encode()).decode().rstrip("=")


def main() -> None:
    """Prints a token as the Kubernetes clients want it; what hinders is one line on stderr."""
    parser = argparse.ArgumentParser(description="Prints a token for a cluster of Amazon EKS.")
    parser.add_argument("--region", required=True)
    parser.add_argument("--cluster-name", required=True)
    parser.add_argument("--profile")
    parser.add_argument("--role-arn")
    asked = parser.parse_args()
    try:
        found = token(session(asked.profile, asked.role_arn, asked.region), asked.region, asked.cluster_name)
    except ImportError as error:
        sys.exit(f"The Python library {error.name} is missing from {sys.executable}.")
    except Exception as error:  # botocore raises many, and the Kubernetes clients show what is written
        sys.exit(str(error).strip().partition("\n")[0])
    ends = datetime.datetime.now(datetime.timezone.utc) + LIFETIME
    status = {"token": found, "expirationTimestamp": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
    print(json.dumps({"apiVersion": API, "kind": "ExecCredential", "spec": {}, "status": status}))


if __name__ == "__main__":
    main()
