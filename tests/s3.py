"""An S3 server of this machine for tests, by moto: a bucket, what is in it, and what can go wrong with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from unittest import mock

BUCKET = "bucket"


class Server:
    """A server in a thread of this process. `env` is what a machine must know to use it."""

    def __init__(self) -> None:
        self._server: Any = None
        self._port = 0
        self.start()
        self.client.create_bucket(Bucket=BUCKET)

    @property
    def env(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}", "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip

    @cached_property
    def client(self) -> Any:
        import boto3

        with mock.patch.dict(os.environ, self.env):
            return boto3.Session().client("s3")

    def start(self) -> None:
        """Begin, or after `stop` go on with what was there, at the same address."""
        from moto.server import ThreadedMotoServer

        if self._server is not None:
            return
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def objects(self, below: str) -> list[str]:
        """The names in the bucket that begin so."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=below)
        return [o["Key"] for page in pages for o in page.get("Contents", [])]

    def get(self, name: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        return data

    def put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=name, Body=data)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=name)

    def deny(self, *actions: str) -> None:
        """From now on nobody may do this; without actions, everybody may do everything again."""
        if not actions:
            self.client.delete_bucket_policy(Bucket=BUCKET)
            return
        statement = {
            "Effect": "Deny", "Principal": "*", "Action": list(actions), "Resource": f"arn:aws:s3:::{BUCKET}/*"
        }  # fmt: skip
        policy: Mapping[str, Any] = {"Version": "2012-10-17", "Statement": [statement]}
        self.client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


@contextmanager
def served() -> Iterator[Server]:
    """A server with an empty bucket, which this process uses too."""
    import fsspec

    server = Server()
    try:
        with mock.patch.dict(os.environ, server.env):
            fsspec.get_filesystem_class("s3").clear_instance_cache()  # it would go on with another server's address
            yield server
    finally:
        server.stop()
