"""Download the public DEMs that MANIFEST.toml names.

Usage: ``python corpus/fetch.py [NAME ...] [--output DIR] [--manifest FILE] [--list]``.  Without
names, everything is fetched.  A file that is present and matches its hash is left alone.  Where
the manifest has no hash, that of the first download is kept in ``fetched.toml`` beside the
files and is checked from then on.  Needs the standard library only.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import http.client
import json
import shutil
import sys
import tempfile
import tomllib
import urllib.parse
import urllib.request
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).resolve().parent
LOCK_NAME = "fetched.toml"
CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 60.0
LOCK_HEAD = """\
# Written by fetch.py.  sha256 is that of the bytes as served, file_sha256 that of the file
# beside this one (unpacked, if it was served as .gz).
"""

Lock = dict[str, dict[str, str]]


class FetchError(Exception):
    """A download failed or its bytes are not those expected."""


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def read_manifest(path: Path) -> dict[str, dict[str, str]]:
    """Read the ``[[public]]`` entries of a manifest, by name.

    Raises:
        FetchError: if the file cannot be read or an entry is not usable.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("public", [])
        return {entry["name"]: entry for entry in entries if entry["url"]}
    except (OSError, ValueError, KeyError) as error:
        raise FetchError(f"cannot use manifest {path}: {error!r}") from error


def served_name(entry: Mapping[str, str]) -> str:
    """Give the plain name under which an entry is served: ``file``, or the end of its URL.

    Raises:
        FetchError: if the URL is not http(s) or the name would leave the output folder.
    """
    parts = urllib.parse.urlsplit(entry["url"])
    name = entry.get("file") or parts.path.rpartition("/")[2]
    if parts.scheme not in {"http", "https"}:
        raise FetchError(f"not an http or https address: {entry['url']}")
    if name in {"", ".", "..", LOCK_NAME} or any(mark in name for mark in "/\\:"):
        raise FetchError(f"not a usable file name: {name!r}")
    return name


def read_lock(folder: Path) -> Lock:
    """Read what earlier runs recorded in a folder; empty where there is nothing.

    Raises:
        FetchError: if the lock file is damaged.
    """
    path = folder / LOCK_NAME
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FetchError(f"cannot use {path}: {error}") from error


def write_lock(folder: Path, lock: Lock) -> None:
    """Replace the lock file of a folder in one step."""
    lines = [LOCK_HEAD]
    for name, record in sorted(lock.items()):
        lines.append(f"[{json.dumps(name)}]")
        # A JSON string is a TOML basic string, provided that it is not escaped to surrogates.
        lines += [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in record.items()]
        lines.append("")
    partial = folder / f"{LOCK_NAME}.part"
    partial.write_text("\n".join(lines), encoding="utf-8")
    partial.replace(folder / LOCK_NAME)


def show_progress(name: str, done: int, total: int | None) -> None:
    """Redraw the progress line on a terminal; ``done`` and ``total`` are in bytes."""
    if sys.stderr.isatty():
        share = f"{100 * done // total:3d} %" if total else "      "
        print(f"\r{name}: {share} {done / 1e6:9.1f} MB", end="", file=sys.stderr, flush=True)


def download(name: str, url: str, path: Path) -> str:
    """Download one address to a file.

    Args:
        name: what to call it on the progress line.
        url: http or https address; redirects are followed.
        path: file to write.

    Returns:
        The SHA-256 of the bytes as served.

    Raises:
        FetchError: if the server cannot be reached, refuses, or sends another number of bytes
            than it announced.
    """
    digest = hashlib.sha256()
    done = 0
    request = urllib.request.Request(url, headers={"User-Agent": "demzip-corpus"})
    try:
        with (
            urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer,
            path.open("wb") as target,
        ):
            announced = answer.headers.get("Content-Length")
            total = int(announced) if announced is not None else None
            while chunk := answer.read(CHUNK_BYTES):
                target.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                show_progress(name, done, total)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise FetchError(f"download failed: {error} ({url})") from error
    finally:
        if done and sys.stderr.isatty():
            print(file=sys.stderr)
    if total is not None and done != total:
        raise FetchError(f"download is cut short: {done} of {total} bytes ({url})")
    return digest.hexdigest()


def unpack(packed: Path, path: Path) -> None:
    """Unpack a gzip file to another file.

    Raises:
        FetchError: if it is damaged.
    """
    try:
        with gzip.open(packed) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise FetchError(f"cannot unpack: {error}") from error


def is_present(path: Path, wanted: str, record: Mapping[str, str]) -> bool:
    """Tell whether a file is there and is the one that the manifest and the lock mean.

    Args:
        path: where it would be.
        wanted: SHA-256 that the manifest gives for the bytes as served, or nothing.
        record: what the lock says about it, or nothing.
    """
    if not path.is_file():
        return False
    found = sha256_of(path)
    if record:
        return found == record.get("file_sha256") and wanted in {"", record.get("sha256")}
    return found == wanted


def fetch(entry: Mapping[str, str], folder: Path, lock: Lock) -> str:
    """Bring one entry into a folder and record it in the lock.

    Args:
        entry: one ``[[public]]`` entry of the manifest.
        folder: existing folder for the file and its lock.
        lock: what earlier runs recorded; it is updated, here and on disk.

    Returns:
        One line on what was done.

    Raises:
        FetchError: if the file could not be brought in; one that was there is kept as it was.
    """
    name = entry["name"]
    served = served_name(entry)
    path = folder / served.removesuffix(".gz")
    record = lock.get(name, {})
    # A lock speaks only for the address that it was made from.
    if record.get("url") != entry["url"]:
        record = {}
    wanted = entry.get("sha256", "").lower()
    if is_present(path, wanted, record):
        return f"{name}: present, {path}"
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        raw = Path(scratch) / "raw"
        found = download(name, entry["url"], raw)
        if wanted not in {"", found}:
            raise FetchError(f"wrong sha256: the manifest has {wanted}, got {found}")
        if not wanted and record.get("sha256", found) != found:
            raise FetchError(
                f"changed since the first download: {LOCK_NAME} has {record['sha256']}, got "
                f"{found}; remove its entry there to accept this"
            )
        ready = raw
        if served.endswith(".gz"):
            ready = Path(scratch) / "unpacked"
            unpack(raw, ready)
        lock[name] = {
            "url": entry["url"],
            "sha256": found,
            "file": path.name,
            "file_sha256": sha256_of(ready),
        }
        ready.replace(path)
    write_lock(folder, lock)
    return f"{name}: fetched, {path}, {path.stat().st_size} bytes, sha256 {found}"


def listing(entries: Mapping[str, Mapping[str, str]]) -> str:
    """Describe the entries, a paragraph for each."""
    keys = ("kind", "licence", "attribution", "url")
    return "\n".join(
        "\n".join([name, *(f"    {key}: {entry[key]}" for key in keys if key in entry)])
        for name, entry in entries.items()
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0, or 1 if a download or a check failed, or 2 if a name is not in the manifest.
    """
    parser = argparse.ArgumentParser(description="Download the public DEMs of the corpus.")
    parser.add_argument("name", nargs="*", help="entry of the manifest; all if there is none")
    parser.add_argument("--output", type=Path, default=HERE / "downloads", metavar="DIR")
    parser.add_argument("--manifest", type=Path, default=HERE / "MANIFEST.toml", metavar="FILE")
    parser.add_argument("--list", action="store_true", help="list the entries and stop")
    options = parser.parse_args(arguments)
    try:
        entries = read_manifest(options.manifest)
        if unknown := [name for name in options.name if name not in entries]:
            print(f"error: not in the manifest: {', '.join(unknown)}", file=sys.stderr)
            return 2
        if options.list:
            print(listing(entries))
            return 0
        options.output.mkdir(parents=True, exist_ok=True)
        lock = read_lock(options.output)
    except (FetchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    failed = False
    for name in options.name or entries:
        try:
            print(fetch(entries[name], options.output, lock))
        except (FetchError, OSError) as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
