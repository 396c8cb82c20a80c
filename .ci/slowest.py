#!/usr/bin/env python3
"""The ten slowest tests of a run of swift-testing.

  slowest.py EVENTS [--serial]

EVENTS: the file of `swift test --event-stream-output-path`. In a parallel run all tests start at once and then wait for
their turn, and only the cases of tests with arguments say when that came, so only such tests are listed. With --serial, for
a run of `swift test --no-parallel`, all tests are.
"""
import collections
import json
import sys


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    is_serial = "--serial" in sys.argv[2:]
    started, ended = ("testStarted", "testEnded") if is_serial else ("testCaseStarted", "testCaseEnded")
    names, seconds = {}, collections.Counter()
    with open(sys.argv[1]) as lines:
        payloads = [json.loads(line)["payload"] for line in lines]
    for payload in payloads:
        test, kind = payload.get("testID"), payload["kind"]
        if kind == "function" and (is_serial or payload["isParameterized"]):
            suite = payload["id"].split("/")[0]
            names[payload["id"]] = f"{payload.get('displayName') or payload['name']} ({suite})"
        elif test in names and kind == started:
            seconds[test] -= payload["instant"]["absolute"]
        elif test in names and kind == ended:
            seconds[test] += payload["instant"]["absolute"]
    print("== the slowest tests, in seconds" if is_serial else
          "== the slowest tests with arguments, in seconds of all their cases (SERIAL=1: of all tests)")
    for test, time in seconds.most_common(10):
        print(f"{time:8.1f}  {names[test]}")


main()
