#!/usr/bin/env python3
"""The tests that took longest, of a run of swift-testing.

  slowest.py EVENTS WIDTH

EVENTS: the file of `swift test --event-stream-output-path`. WIDTH: how many tests ran at a time. The runner says that all
tests have started before they wait for their turn, and only cases of parameterised tests say when that came. The turns of
the others are found here: they are given in order, each when a test or a case before it ends.
"""
import collections
import json
import sys


def read(path):
    """Names of the tests, and what happened to them in order: (seconds, kind, test)."""
    names, events, parameterised = {}, [], set()
    with open(path) as lines:
        for line in lines:
            record = json.loads(line)
            payload = record["payload"]
            if record["kind"] == "test":
                if payload["kind"] == "function":
                    names[payload["id"]] = payload.get("displayName") or payload["name"]
                    if payload["isParameterized"]:
                        parameterised.add(payload["id"])
            elif payload.get("testID") in names:
                events.append((payload["instant"]["absolute"], payload["kind"], payload["testID"]))
    return names, sorted(events), parameterised


def durations(events, parameterised, width):
    """Seconds that each test was at work; all cases of a parameterised test together."""
    waiting, running, total = collections.deque(), {}, collections.Counter()
    cases = 0
    for index, (time, kind, test) in enumerate(events):
        if test in parameterised:
            if kind == "testCaseStarted":
                cases += 1
                total[test] -= time
            elif kind == "testCaseEnded":
                cases -= 1
                total[test] += time
        elif kind == "testStarted":
            waiting.append(test)
        elif kind == "testEnded":
            if test not in running and running:
                # The order was another: it had the turn of the last one that got one.
                other = max(running, key=running.get)
                running[test] = running.pop(other)
                waiting.appendleft(other)
            total[test] += time - running.pop(test, time)
            if test in waiting:
                waiting.remove(test)
        # A case that starts at once has taken the turn that is free.
        following = events[index + 1:index + 4]
        is_taken = any(k == "testCaseStarted" and t - time < 0.002 for t, k, _ in following)
        while waiting and len(running) + cases < width and not is_taken:
            running[waiting.popleft()] = time
    return total


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    names, events, parameterised = read(sys.argv[1])
    total = durations(events, parameterised, int(sys.argv[2]))
    print("== the slowest tests, in seconds")
    for test, seconds in total.most_common(10):
        print(f"{seconds:8.1f}  {names[test]} ({test.split('/')[0]})")


main()
