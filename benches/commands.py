"""What commands of the program cost, as ledgers grow:

    python3 benches/commands.py [--brief] SERVANDA SERVANDA_BENCHES DIRECTORY EVENTS [EVENTS ...]

For each number of events a ledger is generated and imported in DIRECTORY, and each command is run five times (once where it
takes more than five seconds). The tables have the least wall clock, the processor time of that run (user and system), the most
memory that it held, and the bytes that it read (by strace, where it is installed). With --brief, the reports that look at each
record are left out.
"""

import os
import re
import shutil
import subprocess
import sys
import time

ROUNDS = 5
LONG = 5.0

COMMANDS = {
    "`verify`": ["verify"],
    "`verify --chain`": ["verify", "--chain"],
    "`log --limit 5`": ["log", "--limit", "5"],
    "`record note`": ["record", "note", "--text", "one"],
    "`show` of a commitment": ["show", "c10"],
    "`report party --party p1`": ["report", "party", "--party", "p1"],
    "`report status`, csv": ["report", "status", "--format", "csv"],
    "`report due`, csv": ["report", "due", "--format", "csv"],
    "`list commitments`, csv": ["list", "commitments", "--format", "csv"],
    "`report curve`, csv": ["report", "curve", "--format", "csv"],
    "`log`, csv": ["log", "--format", "csv"],
    "`report timeline`, csv": ["report", "timeline", "--format", "csv"],
    "`report changes`, csv": ["report", "changes", "--format", "csv"],
}

# What --brief leaves out.
OF_EACH_RECORD = {"`report curve`, csv", "`log`, csv", "`report timeline`, csv", "`report changes`, csv"}

# These cost one command the reading of the whole ledger, and more at each size.
READ_BY_COMMANDS = {"`log --limit 5`", "`record note`", "`show` of a commitment", "`report party --party p1`"}


def run(words, environment):
    """The wall clock, the processor time and the most memory of a process."""
    begun = time.monotonic()
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    if status != 0:
        raise SystemExit(f"{words}: {said.decode(errors='replace')}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def bytes_read(words, environment):
    """The bytes that a process reads from files."""
    if shutil.which("strace") is None:
        return None
    calls = "trace=read,pread64,readv,preadv"
    told = subprocess.run(
        ["strace", "-f", "-qq", "-e", calls, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    return sum(int(count) for count in re.findall(rb"= (\d+)$", told.stderr, re.MULTILINE))


def measured(words, environment):
    best = run(words, environment)
    for _ in range(ROUNDS - 1):
        if best[0] > LONG:
            break
        best = min(best, run(words, environment))
    return best


def main():
    given = [word for word in sys.argv[1:] if word != "--brief"]
    left_out = OF_EACH_RECORD if "--brief" in sys.argv else set()
    if len(given) < 4:
        raise SystemExit(__doc__)
    program, benches, directory = map(os.path.abspath, given[:3])
    for events in map(int, given[3:]):
        place = os.path.join(directory, f"commands-{events}")
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        environment = dict(os.environ, HOME=place, XDG_STATE_HOME=os.path.join(place, "state"))
        history = os.path.join(place, "history.ndjson")
        with open(history, "wb") as out:
            subprocess.run([benches, "generate", str(events)], stdout=out, check=True)
        ledger = os.path.join(place, "ledger")
        subprocess.run([program, "--ledger", ledger, "init", "--origin", "bench.example/x", "-q"],
                       env=environment, stdout=subprocess.DEVNULL, check=True)
        wall, used, memory = run([program, "--ledger", ledger, "import", history, "-q"], environment)
        os.remove(history)
        print(f"\n{events:,} events, load {os.getloadavg()[0]:.1f}\n")
        print("| command | wall | processor | memory | read |\n|---|---:|---:|---:|---:|")
        print(f"| `import` | {wall:.2f} s, {events / wall:,.0f} events/s | {used:.2f} s | {memory:.0f} MiB | |", flush=True)
        for name, command in COMMANDS.items():
            if name in left_out:
                continue
            words = [program, "--ledger", ledger, *command]
            wall, used, memory = measured(words, environment)
            read = bytes_read(words, environment) if name in READ_BY_COMMANDS else None
            read = "" if read is None else f"{read / 1e6:.1f} MB"
            print(f"| {name} | {wall:.3f} s | {used:.3f} s | {memory:.0f} MiB | {read} |", flush=True)
        size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(ledger) for name in names)
        print(f"| size | {size / events:.0f} bytes an event | | | |", flush=True)
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
