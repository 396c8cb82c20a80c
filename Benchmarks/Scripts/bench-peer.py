#!/usr/bin/env python3
"""Runs llama.cpp and redrafter alternately (A B A B …) on the same file with the same threads and prints, for each test,
both figures and the ratio of each pair. The speed of a machine drifts; the ratio of two runs next to each other hardly does.

  bench-peer.py [--rounds 5] [--threads 2] [--model FILE] [--skip-q4-0] [--baseline BINARY] [--kernels NAME] [--json FILE]
"""
import os
import re

import peer

ROWS = [1, 2, 4, 8, 12, 16]


def compare(title, model, engines, rounds):
    samples = peer.measure(title, model, engines, rounds)
    print("\n\n".join([
        f"### {title}", peer.conditions(engines, rounds),
        peer.table(peer.speed_columns(samples), peer.speed_lines(samples, ROWS)),
        peer.table(peer.price_columns(samples), peer.price_lines(samples, ROWS)),
        f"Decoding runs at {peer.share_of_read(samples)} % of a plain read of the same bytes "
        f"({engines[-1].info['model_size'] / 1e6:.1f} MB a token).\n"]), flush=True)
    return peer.result(title, model, samples, engines)


def main():
    parser = peer.pass_parser(__doc__)
    parser.add_argument("--model", default=peer.default_model())
    parser.add_argument("--skip-q4-0", action="store_true", help="leave out the Q4_0 file, for which llama.cpp repacks weights")
    arguments = parser.parse_args()
    peer.require_model(arguments.model)
    engines = peer.engines(arguments, ROWS)
    files = [arguments.model]
    if not arguments.skip_q4_0:
        name = re.sub(r"(\.[QF][A-Z0-9_]+)?(\.gguf)?$", ".Q4_0.gguf", os.path.basename(arguments.model), count=1)
        files.append(os.path.join(peer.cache(), "peer", name))
        peer.quantize(engines[0], arguments.model, files[1], "Q4_0")
    peer.write_json(
        arguments.json, [compare(os.path.basename(path), path, engines, arguments.rounds) for path in files])


if __name__ == "__main__":
    main()
