"""Verifies a proof about one record of Weir's trail. Shares nothing with Weir: the formats are in agent/archive/COLUMNS.md.

    verify_proof.py FILE.parquet PROOF VERIFIER_KEY
"""

import base64
import hashlib
import struct
import sys

import pyarrow.compute
import pyarrow.parquet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def text(value):
    return struct.pack("<I", len(value.encode())) + value.encode()

def column(array):
    kind = str(array.type)
    if kind.startswith("timestamp"):
        array, kind = array.cast("int64"), "int64"
    encode = {"string": text, "int32": struct.Struct("<i").pack, "int64": struct.Struct("<q").pack}[kind]
    (value,) = array.to_pylist()
    return b"\0" if value is None else b"\1" + encode(value)

parquet, proof, key = sys.argv[1:]
proof, note, signatures = open(proof, encoding="utf-8").read().split("\n\n")
header, index, *path = proof.split("\n")
assert header == "c2sp.org/tlog-proof@v1", "this is no proof"
index = int(index.removeprefix("index "))
origin, size, root = note.split("\n")

# The signature, which is over the note with its last newline.
name, _, public = key.split("+", 2)
public = base64.b64decode(public)
assert name == origin, "this is another log's key"
signed = [base64.b64decode(line.split(" ")[2]) for line in signatures.strip().split("\n")]
signature = next(line for line in signed if line[:4] == sha(name.encode(), b"\n", public)[:4])
Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], (note + "\n").encode())

# The leaf of the row, and from it to the root (RFC 9162, section 2.1.3.2).
table = pyarrow.parquet.read_table(parquet, partitioning=None)
row = table.filter(pyarrow.compute.equal(table["weir_sequence"], index + 1))
schema = pyarrow.parquet.read_metadata(parquet).metadata[b"weir.schema"].decode()
leaf = sha(b"\0", text(schema), *(column(array) for array in row.columns))
here, last = index, int(size) - 1
for sibling in map(base64.b64decode, path):
    if here & 1 or here == last:
        leaf = sha(b"\1", sibling, leaf)
        while not here & 1 and here:
            here, last = here >> 1, last >> 1
    else:
        leaf = sha(b"\1", leaf, sibling)
    here, last = here >> 1, last >> 1
assert last == 0 and leaf == base64.b64decode(root), "the record is not the one that was signed"
print(f"record {index + 1} is in the log of {origin}, signed at {size} records")
