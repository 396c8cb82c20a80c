#!/usr/bin/env python3
"""Writes a recurrent drafter of seeded random weights for SmolLM2-135M into a folder, in the reference layout.

It guesses nothing right and has a head over the whole vocabulary: the worst case for what speculation may cost.

    python3 random-drafter.py FOLDER
"""
import json
import os
import random
import struct
import sys

HIDDEN, EXIT, VOCABULARY = 576, 576, 49152
SHAPES = {
    "rnn_u.weight": [HIDDEN, HIDDEN], "rnn_u.bias": [HIDDEN], "rnn_w.weight": [HIDDEN, HIDDEN],
    "input_proj.weight": [EXIT, 2 * HIDDEN], "input_proj.bias": [EXIT],
    "lm_head.0.linear.weight": [EXIT, EXIT], "lm_head.0.linear.bias": [EXIT],
    "lm_head.1.weight": [VOCABULARY, EXIT],
}


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    generator = random.Random(7)
    header, data = {}, []
    offset = 0
    for name, shape in SHAPES.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        noise = generator.randbytes(count)
        # F16 numbers of both signs between 0.03 and 0.25: mantissa, sign and two bits of the exponent are random.
        values = bytearray(2 * count)
        values[0::2] = noise
        values[1::2] = bytes(0x28 | (byte & 0x87) for byte in noise)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + 2 * count]}
        offset += 2 * count
        data.append(bytes(values))
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(data)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(
            {"model_type": "recurrent_drafting_drafter", "vocab_size": VOCABULARY, "hidden_size": HIDDEN,
             "exit_dim": EXIT, "num_draft_layers": 1, "rnn": True}, file)


main()
