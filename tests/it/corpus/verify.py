"""Verifies many exports in one process with docs/verify.py: its path is the argument. Standard input has the exports,
each after its length in eight bytes, little endian. Writes a line of JSON for each: the exit code, and what was said."""
import functools
import importlib.util
import io
import json
import sys

spec = importlib.util.spec_from_file_location("verify", sys.argv[1])
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
# Most records stand in many exports.
for name in ("link_of", "payload_hash", "ed25519_holds"):
    setattr(verify, name, functools.lru_cache(maxsize=None)(getattr(verify, name)))

for length in iter(lambda: sys.stdin.buffer.read(8), b""):
    export, said = sys.stdin.buffer.read(int.from_bytes(length, "little")), []
    verifier = verify.Verifier(None, [], said.append, lambda event: None)
    verify.read_lines(verifier, io.BytesIO(export))
    print(json.dumps({"code": verifier.conclude([], None, None), "said": said}))
