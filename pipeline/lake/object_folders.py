"""Folders of files in S3-compatible object storage, which can't rename: whole once marked so."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import ClientError as BrokenAnswer
from botocore import exceptions as aws
from s3fs import S3FileSystem

from pipeline.domain.errors import InvalidRequest, SourceUnavailable
from pipeline.files import MANIFEST

TROUBLE = (OSError, ValueError, aws.BotoCoreError, BrokenAnswer)
# Without an answer: what a later try may mend. The rest is configuration, such as no credentials.
PASSING = (OSError, aws.ConnectionError, aws.HTTPClientError, BrokenAnswer)
BUSY = (408, 409, 429)


class ObjectFolders:
    """`Folders` below a URL; a folder is there once its manifest is.

    Tables are stored first. Two writers of a folder store the same tables, since its name is a
    hash of them; of two manifests the first one stays.

    Every method raises:
        InvalidRequest: the storage refuses: no such bucket, or not with these credentials.
        SourceUnavailable: it does not answer, or not properly.
    """

    def __init__(self, url: str) -> None:
        """`url` is s3://BUCKET/PREFIX; endpoint and credentials are those of AWS_* variables."""
        self._url = url.rstrip("/")
        # Others write meanwhile, so that no listing is kept; one request reads a whole object.
        self._s3 = S3FileSystem(use_listings_cache=False, max_concurrency=1)

    def manifests(self, parent: str) -> dict[str, bytes]:
        """Return folder -> manifest of all folders in a parent."""
        root = self._url.removeprefix("s3://")
        with self._named_errors():
            keys = self._s3.find(root, prefix=f"{parent}/")
            found = [key for key in keys if key.endswith(f"/{MANIFEST}")]
            texts = self._s3.cat(found) if found else {}
        return {
            key.removeprefix(f"{root}/").removesuffix(f"/{MANIFEST}"): text
            for key, text in texts.items()
        }

    def read(self, path: str) -> bytes | None:
        """Return an object, or None where there is none."""
        with self._named_errors():
            try:
                return self._s3.cat_file(f"{self._url}/{path}")
            except FileNotFoundError as error:
                if _answer(error).get("Error", {}).get("Code") != "NoSuchKey":
                    raise
        return None

    def files(self) -> list[str]:
        """Return the path of every object below the root."""
        root = self._url.removeprefix("s3://")
        with self._named_errors():
            return [key.removeprefix(f"{root}/") for key in self._s3.find(root)]

    def write(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Store the files, the manifest last; keep a folder that is there."""
        manifest = f"{folder}/{MANIFEST}"
        if self.read(manifest) is not None:
            return
        with self._named_errors():
            for name in sorted(files.keys() - {MANIFEST}):
                self._s3.pipe_file(f"{self._url}/{folder}/{name}", files[name])
            try:
                self._s3.pipe_file(f"{self._url}/{manifest}", files[MANIFEST], mode="create")
            except OSError:
                if self.read(manifest) is None:
                    raise

    def sizes(self, parent: str) -> dict[str, int]:
        """Return folder -> size of its files, in bytes, of all folders below a parent."""
        root = self._url.removeprefix("s3://")
        with self._named_errors():
            found = self._s3.find(root, prefix=f"{parent}/", detail=True)
        sizes: dict[str, int] = {}
        for key, facts in found.items():
            folder = key.removeprefix(f"{root}/").rpartition("/")[0]
            sizes[folder] = sizes.get(folder, 0) + facts["size"]
        whole = {key.removeprefix(f"{root}/").removesuffix(f"/{MANIFEST}") for key in found}
        return {folder: size for folder, size in sizes.items() if folder in whole}

    def reduce(self, folder: str, manifest: bytes, files: Iterable[str]) -> None:
        """Put another manifest into a folder, then delete files of it."""
        with self._named_errors():
            self._s3.pipe_file(f"{self._url}/{folder}/{MANIFEST}", manifest)
            for name in files:
                path = f"{self._url}/{folder}/{name}"
                if self._s3.exists(path):
                    self._s3.rm_file(path)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except TROUBLE as error:
            if _may_pass(error):
                raise SourceUnavailable(
                    f"The lake at {self._url} does not answer properly ({error}). See whether the "
                    "storage is up and AWS_ENDPOINT_URL leads to it; a later try may succeed."
                ) from error
            raise InvalidRequest(
                f"The lake at {self._url} can't be used ({error}). The bucket must exist, and the "
                "credentials may list, read and write it: correct HOTSPOTS_LAKE_URL or the "
                "variables AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ) from error


def _answer(error: BaseException) -> dict[str, Any]:
    """Return the storage's answer that an error was made from; empty where there was none."""
    return getattr(error.__cause__, "response", None) or {}


def _may_pass(error: BaseException) -> bool:
    answer = _answer(error)
    if not answer:
        return isinstance(error, PASSING)
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status in BUSY or status >= 500
