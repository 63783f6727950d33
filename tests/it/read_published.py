"""Reads a published ledger from a directory, by docs/publishing.md and C2SP tlog-tiles alone, and writes a raw export.

Ends with 1 where tiles, entries, records and checkpoint do not fit together.
"""

import base64
import hashlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs"))
import verify  # noqa: E402  for the link of a header alone


def address(kind, index, width, full):
    groups = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        groups = f"x{index % 1000:03}/" + groups
    return f"tile/{kind}/{groups}" + ("" if width == full else f".p/{width}")


def parts(root, kind, count, full):
    for index in range((count + full - 1) // full):
        width = min(full, count - index * full)
        yield width, (root / address(kind, index, width, full)).read_bytes()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def mth(hashes):
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node(mth(hashes[:split]), mth(hashes[split:]))


def check(holds, what):
    if not holds:
        sys.exit(what)


def main():
    root = pathlib.Path(sys.argv[1])
    origin, size, top = (root / "checkpoint").read_text().split("\n")[:3]
    size = int(size)
    headers = []
    for width, bundle in parts(root, "entries", size, 256):
        for _ in range(width):
            length = int.from_bytes(bundle[:2], "big")
            headers.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
        check(not bundle, "an entry bundle is too long")
    hashes = [hashlib.sha256(b"\0" + header).digest() for header in headers]
    check(base64.b64encode(mth(hashes)).decode() == top, "the root is another")
    level = 0
    while hashes:
        found = b"".join(tile for _, tile in parts(root, level, len(hashes), 256))
        check(found == b"".join(hashes), f"the tiles of level {level} are others")
        whole = len(hashes) // 256
        hashes = [mth(hashes[256 * at : 256 * (at + 1)]) for at in range(whole)]
        level += 1
    seq, link = 0, "0" * 64
    for width, bundle in parts(root, "records", size, 1024):
        for _ in range(width):
            length = int.from_bytes(bundle[:4], "big")
            record, bundle = bundle[4 : 4 + length], bundle[4 + length :]
            check(record[:128] == headers[seq], f"record {seq} has another header")
            link = verify.link_of(record[:128]).hex()
            print(f'{{"seq":{seq},"link":"{link}","record":"{record.hex()}"}}')
            seq += 1
        check(not bundle, "a record bundle is too long")
    print(f'{{"head":{{"count":{size},"link":"{link}"}}}}')


main()
