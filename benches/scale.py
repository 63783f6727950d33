"""Measures the unit costs of docs/scale.md: python3 benches/scale.py PROGRAM RECORDS [SEAWEEDFS]

PROGRAM is a release build of servanda, SEAWEEDFS a directory with bin/weed (tests/all.sh installs one). Times are processor
times (user and system) of the program alone, the least of three; memory is the most that the process held.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

program, records = sys.argv[1], int(sys.argv[2])
weed = pathlib.Path(sys.argv[3], "bin/weed") if len(sys.argv) > 3 else None
scratch = pathlib.Path(tempfile.mkdtemp(prefix="servanda-scale-"))
environment = {**os.environ, "SERVANDA_LEDGER": str(scratch / "ledger"), "XDG_STATE_HOME": str(scratch / "state")}
environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret", "AWS_REGION": "us-east-1"}


def run(*words):
    """Runs the program: its processor seconds, its wall seconds, and the MiB that it held."""
    begun = time.monotonic()
    child = subprocess.Popen([program, *map(str, words), "-q"], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, words
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun, usage.ru_maxrss / 1024


def show(what, results, count=records):
    cpu, wall, memory = (min(values) for values in zip(*results))
    print(f"{what:44} {1e6 * cpu / count:9.2f} us CPU/record {count / wall:12,.0f} records/s {memory:7.0f} MiB", flush=True)


def sizes(root):
    """How many files there are of each part, and their bytes."""
    found = {}
    for path in root.rglob("*"):
        if path.is_file():
            parts = path.relative_to(root).parts
            kind = "/".join(parts[:2]) if parts[0] == "tile" else parts[0]
            files, size = found.get(kind, (0, 0))
            found[kind] = (files + 1, size + path.stat().st_size)
    for kind, (files, size) in sorted(found.items()):
        print(f"{kind:44} {files:9,} objects {size / records:14.2f} bytes/record", flush=True)


def ask(address, path, body=None):
    # A reader of the replica needs no token; only who records does.
    request = urllib.request.Request(f"http://{address}{path}", data=body, headers=dict(token) if body else {})
    if body:
        request.add_header("content-type", "application/json")
    return json.load(urllib.request.urlopen(request, timeout=60))


def serve(*words):
    child = subprocess.Popen(
        [program, "serve", "--listen", "127.0.0.1:0", *map(str, words)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    return child, child.stdout.readline().split("http://")[1].strip()


def processor(child):
    fields = pathlib.Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    lines = scratch / "lines.ndjson"
    with lines.open("w") as out:
        for number in range(records - 1):
            text = f"the commission noted point {number} of its agenda, and asked both sides to answer within thirty days"
            out.write(json.dumps({"event": "note", "text": text}) + "\n")
    run("init", "--origin", "example.org/scale")
    show("import", [run("import", lines)])
    show("verify (the ledger itself)", [run("verify") for _ in range(3)])
    show("verify --chain (the ledger itself)", [run("verify", "--chain") for _ in range(3)])
    published = scratch / "published"
    show("publish DIRECTORY", [run("publish", published)])
    sizes(published)
    show("publish DIRECTORY, nothing new", [run("publish", published) for _ in range(3)], 1)
    show("verify --from DIRECTORY", [run("verify", "--from", published) for _ in range(3)])
    show("clone DIRECTORY", [run("clone", published, scratch / "copy")])
    show("clone again, nothing new", [run("clone", published, scratch / "copy") for _ in range(3)], 1)
    if weed:
        store()
    replica()


def store():
    config = scratch / "s3.json"
    identity = {"name": "t", "credentials": [{"accessKey": "test", "secretKey": "test-secret"}], "actions": ["Admin"]}
    config.write_text(json.dumps({"identities": [identity]}))
    ports = ["-master.port=39333", "-volume.port=38080", "-filer.port=38888", "-s3.port=38333"]
    more = ["-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={config}", "-ip=127.0.0.1"]
    (scratch / "store").mkdir()
    server = subprocess.Popen(
        [weed, "server", f"-dir={scratch / 'store'}", *ports, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    endpoint = "http://127.0.0.1:38333"
    environment["AWS_ENDPOINT_URL"] = endpoint
    make = pathlib.Path(__file__).resolve().parents[1] / "tests/it/make_bucket.py"
    try:
        for _ in range(60):
            subprocess.run([sys.executable, make, endpoint, "scale", "test", "test-secret"], stderr=subprocess.DEVNULL)
            try:
                run("publish", "s3://scale/log")
                break
            except AssertionError:
                time.sleep(1)
        shutil.rmtree(scratch / "copy")
        before = processor(server)
        show("publish S3, the whole again", [run("publish", "s3://scale/log-2")])
        print(f"{'  the store meanwhile':44} {1e6 * (processor(server) - before) / records:9.2f} us CPU/record")
        before = processor(server)
        show("verify --from S3", [run("verify", "--from", "s3://scale/log") for _ in range(3)])
        print(f"{'  the store meanwhile':44} {1e6 * (processor(server) - before) / 3 / records:9.2f} us CPU/record")
        show("clone S3", [run("clone", "s3://scale/log", scratch / "copy")])
    finally:
        server.kill()
        server.wait()


def replica():
    global token
    token = {}
    writer, address = serve()
    token = {"Authorization": "Bearer " + writer.stdout.readline().split("token=")[1].strip()}
    environment["SERVANDA_TOKEN"] = token["Authorization"].split()[1]
    mirror, shown = serve("--ledger", scratch / "replica", "--mirror", f"http://{address}/api/v1", "--public-read", "--read-only")
    # Until it has taken over what there is.
    while ask(shown, "/api/v1/records?limit=1")["head"]["count"] < records:
        time.sleep(0.1)
    before, waits = processor(mirror), []
    for number in range(20):
        ask(address, "/api/v1/events", json.dumps({"event": "note", "text": f"new {number}"}).encode())
        begun, count = time.monotonic(), records + number + 1
        while ask(shown, "/api/v1/records?limit=1")["head"]["count"] < count:
            time.sleep(0.01)
        waits.append(time.monotonic() - begun)
    waits.sort()
    each = (processor(mirror) - before) / 20
    print(f"{'a new record on a replica':44} median {waits[10]:.3f} s, longest {waits[-1]:.3f} s, {1e3 * each:.0f} ms CPU each")
    for child in (mirror, writer):
        child.terminate()
        child.wait()


try:
    main()
finally:
    shutil.rmtree(scratch, ignore_errors=True)
