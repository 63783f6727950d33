#!/usr/bin/env python3
"""How many events a second a served ledger records, beside the group commit of the library, in turns.

    python3 benches/served.py SERVANDA BENCHES LEDGER DIRECTORY [ROUNDS]

SERVANDA is the program, BENCHES the program servanda-benches, LEDGER a ledger to serve copies of, and DIRECTORY a place on
the disk that is to be measured. The load comes from wrk, which must be installed: 16 connections, one event a request, for
6 seconds, once the server has made what it keeps beside its ledger.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

CLIENTS = 16
SECONDS = 6
# What is made by and by after a start, with a million records.
READY = 15

SCRIPT = """
local count = 0
request = function()
  count = count + 1
  local body = '{"event":"note","text":"note ' .. count .. '"}'
  return wrk.format("POST", "/api/v1/events", {authorization = "Bearer TOKEN"}, body)
end
done = function(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.read + summary.errors.timeout
  io.write(string.format("\\nresult %d %d %d %d %d\\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
"""


def served(program, ledger, directory):
    """Events a second, and how long half and all but one in a hundred took, in milliseconds."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        copy = os.path.join(scratch, "ledger")
        shutil.copytree(ledger, copy)
        env = dict(os.environ, XDG_STATE_HOME=os.path.join(scratch, "state"))
        log = open(os.path.join(scratch, "log"), "w")
        command = [program, "--ledger", copy, "serve", "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            address = server.stdout.readline().split("://")[1].strip()
            token = server.stdout.readline().strip().split("token=")[1]
            time.sleep(READY)
            script = os.path.join(scratch, "post.lua")
            with open(script, "w") as out:
                out.write(SCRIPT.replace("TOKEN", token))
            load = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}", "-s", script, f"http://{address}/"]
            said = subprocess.run(load, check=True, capture_output=True, text=True).stdout
        finally:
            server.terminate()
            server.wait()
    count, micros, failed, p50, p99 = map(int, re.search(r"result (.*)", said)[1].split())
    if failed:
        raise SystemExit(f"{failed} requests failed")
    return count / micros * 1e6, p50 / 1e3, p99 / 1e3


def group_commit(program, benches, directory):
    """Events a second that 16 threads of one process append, an event each at a time."""
    command = [benches, "run", "--events", "100000", "--rounds", "1", "--appends", "300", "--only", "group"]
    command += ["--alone", "--servanda", program, "--dir", directory]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"group commit, 16 threads \| servanda \| (\d+)", said)[1])


def main():
    program, benches, ledger, directory = sys.argv[1:5]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 5
    rates, groups = [], []
    for number in range(rounds):
        rate, p50, p99 = served(program, ledger, directory)
        group = group_commit(program, benches, directory)
        rates.append(rate)
        groups.append(group)
        print(f"{number + 1}: served {rate:,.0f}/s (p50 {p50:.2f} ms, p99 {p99:.2f} ms), library {group:,.0f}/s, {rate / group:.2f}")
    rate, group = statistics.median(rates), statistics.median(groups)
    ratios = sorted(rate / group for rate, group in zip(rates, groups))
    print(f"medians: served {rate:,.0f}/s, library {group:,.0f}/s; of the ratios {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
