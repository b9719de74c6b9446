"""Objects in an S3 bucket, through obstore (the Rust object_store crate).

    PREFIX/objects/ab/cdef…   the objects
    PREFIX/young/…            empty: put again since; its age counts as the object's
    PREFIX/leaving/…          empty: a collection is about to delete this object

S3 cannot delete on a condition, so a put and a collection agree by these marks. The collection marks the object as
leaving, then looks at its age, deletes it when old, and takes the mark away. A put writes the object or its `young`
mark first, waits while there is a `leaving` mark, and then looks whether the object is there: since S3 is strongly
consistent, either the collection sees a young object, or the put sees that it is gone and writes it again.

Credentials come from the environment alone (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION or
an instance's role); no message repeats what the server said about them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dure.base.canonical import digest_bytes
from dure.base.errors import BadInput, DureError, Unavailable
from dure.store.objects import GRACE_SECONDS, missing, verified

if TYPE_CHECKING:
    from obstore.store import S3Store

MARK_SECONDS = 600.0
"""A `leaving` mark older than this was left by a collection that died."""
DELETE_SECONDS = 60.0
"""A collection deletes no later than this after it has set its mark."""
POLL_SECONDS = 0.2


class S3Objects:
    """The store of `dure.store.objects.Objects` in a bucket.

    Args:
        url: `s3://BUCKET/PREFIX`.
        endpoint: of a server that is not AWS, `https://HOST:PORT`; plain `http://` is for a trusted network.
    """

    def __init__(self, url: str, endpoint: str | None = None) -> None:
        self.url = url
        self._store = _open(url, endpoint)

    def put(self, data: bytes) -> str:
        name = digest_bytes(data)
        key = _key(name)
        with self._explained():
            while True:
                self._freshen(key, name, data)
                self._wait_for_collection(name)
                if self._head(key) is not None:
                    return name

    def _freshen(self, key: str, name: str, data: bytes) -> None:
        found = self._head(key)
        if found is not None and found["size"] == len(data):
            self._store.put(_mark("young", name), b"")
        else:
            # In one request: a put in parts that is cut short would leave its parts behind.
            self._store.put(key, data, use_multipart=False)

    def _wait_for_collection(self, name: str) -> None:
        while (mark := self._head(_mark("leaving", name))) is not None:
            if _age(mark) > MARK_SECONDS:
                self._delete(_mark("leaving", name))
                return
            time.sleep(POLL_SECONDS)

    def get(self, digest: str) -> bytes:
        from obstore.exceptions import NotFoundError

        try:
            with self._explained():
                data = bytes(self._store.get(_key(digest)).bytes())
        except (NotFoundError, FileNotFoundError):
            raise missing(digest, self.url) from None
        return verified(digest, data, self.url)

    def has(self, digest: str) -> bool:
        with self._explained():
            return self._head(_key(digest)) is not None

    def names(self) -> Iterator[str]:
        return (name for name, _ in self._listed("objects/"))

    def collect(self, keep: frozenset[str], grace_seconds: float = GRACE_SECONDS) -> list[str]:
        oldest = datetime.now(UTC) - timedelta(seconds=grace_seconds)
        with self._explained():
            for name, _ in self._listed(
                "leaving/"
            ):  # a collection that died; we hold the writer lock, so it is not running
                self._delete(_mark("leaving", name))
            gone = [
                n
                for n, seen in self._listed("objects/")
                if n not in keep and seen <= oldest and self._remove(n, oldest)
            ]
            for name, seen in self._listed("young/"):
                if seen <= oldest:
                    self._delete(_mark("young", name))
        return gone

    def _remove(self, name: str, oldest: datetime) -> bool:
        """Deletes an object unless it was put again after all."""
        leaving, begun = _mark("leaving", name), time.monotonic()
        self._store.put(leaving, b"")
        try:
            seen = [found["last_modified"] for key in (_key(name), _mark("young", name)) if (found := self._head(key))]
            if not seen or max(seen) > oldest or time.monotonic() - begun > DELETE_SECONDS:
                return False
            self._delete(_key(name))
            self._delete(_mark("young", name))
            return True
        finally:
            self._delete(leaving)

    def _head(self, key: str) -> Any | None:
        from obstore.exceptions import NotFoundError

        try:
            return self._store.head(key)
        except (NotFoundError, FileNotFoundError):
            return None

    def _delete(self, key: str) -> None:
        from obstore.exceptions import NotFoundError

        with suppress(NotFoundError, FileNotFoundError):
            self._store.delete(key)

    def _listed(self, folder: str) -> Iterator[tuple[str, datetime]]:
        """(digest, last modified) of everything below a folder of ours."""
        with self._explained():
            for batch in self._store.list(folder):
                for found in batch:
                    yield "b3:" + found["path"].removeprefix(folder).replace("/", ""), found["last_modified"]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except (DureError, NotFoundError, FileNotFoundError):
            raise
        except (PermissionDeniedError, UnauthenticatedError, PermissionError):
            # What the server says would repeat the key's id, so it is not passed on.
            raise Unavailable(
                "the object store refuses these credentials",
                where=self.url,
                remedy="check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy",
            ) from None
        except (BaseError, OSError):
            raise Unavailable(
                "the object store does not answer, or has no such bucket",
                where=self.url,
                remedy="check bucket, endpoint and AWS_REGION, then run the same command again; nothing was lost",
            ) from None


def _open(url: str, endpoint: str | None) -> S3Store:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or (endpoint and "@" in endpoint):
        raise BadInput(
            "not the address of a bucket",
            where=f"{parts.scheme}://{parts.hostname or ''}",
            remedy="write s3://BUCKET/PREFIX; credentials come from the environment, never from here",
        )
    try:
        from obstore.store import S3Store
    except ModuleNotFoundError:
        raise Unavailable("S3's client is not installed", remedy="pip install 'dure[s3]'") from None
    config: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://")), "timeout": "30s"},
        **config,
    )


def _key(digest: str) -> str:
    name = digest.removeprefix("b3:")
    return f"objects/{name[:2]}/{name[2:]}"


def _mark(folder: str, digest: str) -> str:
    return f"{folder}/{digest.removeprefix('b3:')}"


def _age(found: Any) -> float:
    modified: datetime = found["last_modified"]
    return (datetime.now(UTC) - modified).total_seconds()
