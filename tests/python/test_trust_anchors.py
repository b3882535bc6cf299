"""The roots that the functions trust are those that Amazon Trust Services publishes, and no others.

Hashes of the subject public keys: https://www.amazontrust.com/repository/
"""

import base64
import hashlib
import re
from pathlib import Path

ROOTS = Path(__file__).resolve().parents[2] / "shared/aws/src/sdk/amazon-roots.pem"

PUBLISHED = {
    "Amazon Root CA 1": "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
    "Amazon Root CA 2": "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
    "Amazon Root CA 3": "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
    "Amazon Root CA 4": "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
    "Starfield Services Root Certificate Authority - G2":
        "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
}  # fmt: skip


def element(der, at):
    """Where an ASN.1 element's content begins and where it ends."""
    length, begin = der[at + 1], at + 2
    if length >= 0x80:
        size = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + size], "big"), begin + size
    return begin, begin + length


def public_key(der):
    """SubjectPublicKeyInfo: the seventh element of a certificate's signed part."""
    at, _ = element(der, element(der, 0)[0])
    for _ in range(6):  # version, serial number, signature algorithm, issuer, validity, subject
        at = element(der, at)[1]
    return der[at : element(der, at)[1]]


def test_the_roots_are_amazons():
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", ROOTS.read_text(), re.S)
    hashes = {hashlib.sha256(public_key(base64.b64decode(block))).hexdigest() for block in blocks}
    assert len(blocks) == len(PUBLISHED)
    assert hashes == set(PUBLISHED.values())
