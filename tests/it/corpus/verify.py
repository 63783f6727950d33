"""Verifies much in one process with docs/verify.py: its path is the first argument. Standard input has texts, each after
its length in eight bytes, little endian. With the second argument `exports` each is an export; with `notes` the first is
one, and then come a policy, a log's key and a checkpoint each time. Writes a line of JSON for each verdict: the exit code,
and what was said."""
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


def texts():
    for length in iter(lambda: sys.stdin.buffer.read(8), b""):
        yield sys.stdin.buffer.read(int.from_bytes(length, "little"))


def verdict(export, checkpoints=(), log_key=None, policy=None):
    said = []
    verifier = verify.Verifier(None, checkpoints, said.append, lambda event: None)
    verify.read_lines(verifier, io.BytesIO(export))
    return verifier.conclude(checkpoints, log_key, policy), said


def asked(export, policy, key, checkpoint):
    code = 2
    try:
        key = verify.VerifierKey(key.decode(), verify.NOTES) if key else None
        code = 1
        policy = verify.Policy(policy) if policy else None
        checkpoints = [verify.Checkpoint("checkpoint", checkpoint)]
    except verify.Malformed as error:
        return code, [str(error)]
    return verdict(export, checkpoints, key, policy)


read = texts()
if sys.argv[2] == "exports":
    verdicts = map(verdict, read)
else:
    export = next(read)
    verdicts = (asked(export, *rest) for rest in zip(read, read, read))
for code, said in verdicts:
    print(json.dumps({"code": code, "said": said}))
