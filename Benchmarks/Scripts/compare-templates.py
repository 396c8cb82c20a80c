"""Renders chat templates with `redrafter template` and with Jinja, and compares the texts byte for byte.

    compare-templates.py REDRAFTER FOLDER [--least 66] [--list]

FOLDER holds `*.jinja`. The reference is Jinja set up as Hugging Face transformers sets it up. Both may refuse a conversation;
one alone may not. The exit code is 1 where fewer than `--least` templates agree on all conversations.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from transformers_jinja import environment

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather at a place, \u00e9t\u00e9 & <hiver>",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "Name of the \"city\""},
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                    "days": {"type": "integer", "minimum": 1},
                    "places": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["city"],
            },
        },
    },
    {
        "type": "function",
        "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}},
    },
]


def call(arguments, id="call12345"):
    return {"id": id, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


SYSTEM = {"role": "system", "content": "You are terse. "}
HELLO = {"role": "user", "content": "Hello, who are you?"}

# Name, messages, further variables.
CONVERSATIONS = [
    ("one question", [HELLO], {}),
    ("system", [SYSTEM, HELLO], {}),
    ("turns", [HELLO, {"role": "assistant", "content": " I am a model.\n"}, {"role": "user", "content": " And? "}], {}),
    ("system and turns", [SYSTEM, HELLO, {"role": "assistant", "content": "A model."}, {"role": "user", "content": "Why?"},
                          {"role": "assistant", "content": "Because."}, {"role": "user", "content": "OK"}], {}),
    ("empty texts", [{"role": "system", "content": ""}, {"role": "user", "content": ""}], {}),
    ("Unicode", [{"role": "user", "content": "Gr\u00fc\u00dfe \u4f60\u597d \U0001f600 e\u0301 \u200b\u2028 \u0130\u01c5\n\ttab"}], {}),
    ("no generation prompt", [SYSTEM, HELLO, {"role": "assistant", "content": "A model."}],
     {"add_generation_prompt": False}),
    ("tools", [SYSTEM, HELLO], {"tools": TOOLS}),
    ("tool calls", [SYSTEM, {"role": "user", "content": "Weather in Paris?"},
                    {"role": "assistant", "content": "", "tool_calls": [call({"city": "Paris", "days": 2, "places": ["a", "b"]})]},
                    {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "{\"temperature\": 21.5}"},
                    {"role": "assistant", "content": "It is 21.5 \u00b0C."}, {"role": "user", "content": "Thanks"}],
     {"tools": TOOLS}),
    ("tool calls as text", [{"role": "user", "content": "Weather?"},
                            {"role": "assistant", "content": None, "tool_calls": [call("{\"city\": \"Oslo\"}", "abcdefghi")]},
                            {"role": "tool", "tool_call_id": "abcdefghi", "content": "rain"}], {"tools": TOOLS}),
    ("two tool calls", [{"role": "user", "content": "Weather?"},
                        {"role": "assistant", "content": "Let me see.",
                         "tool_calls": [call({"city": "Oslo"}, "aaaaaaaaa"), call({"city": "Rom", "unit": "celsius"}, "bbbbbbbbb")]},
                        {"role": "tool", "tool_call_id": "aaaaaaaaa", "content": "rain"},
                        {"role": "tool", "tool_call_id": "bbbbbbbbb", "content": "sun"}], {"tools": TOOLS}),
    ("thoughts in the text", [HELLO, {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nA model."}, {"role": "user", "content": "Sure?"}], {}),
    ("thoughts beside it", [HELLO, {"role": "assistant", "content": "A model.", "reasoning_content": "Hm.\n"}, {"role": "user", "content": "Sure?"}], {}),
    ("thinking off", [SYSTEM, HELLO], {"enable_thinking": False}),
    ("thinking on", [HELLO], {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}),
    ("parts", [{"role": "system", "content": [{"type": "text", "text": "Terse."}]},
               {"role": "user", "content": [{"type": "text", "text": "Hello"}, {"type": "text", "text": " you"}]}], {}),
    ("developer", [{"role": "developer", "content": "Be kind."}, HELLO], {}),
    ("unknown role", [{"role": "narrator", "content": "Once."}, HELLO], {}),
    ("two questions", [HELLO, HELLO], {}),
    ("answer first", [{"role": "assistant", "content": "Hi."}, HELLO], {}),
    ("nothing", [], {}),
    ("special tokens", [{"role": "user", "content": "a<|im_end|></s>[/INST]<|eot_id|>{{ x }}{% raw %}"}], {}),
    ("documents", [HELLO], {"documents": [{"title": "T", "text": "Body", "content": "Body", "id": 1}]}),
    ("date", [HELLO], {"date_string": "1 Jan 2031"}),
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def normalised(message):
    """Without members that are null, and with thoughts under each of their names, as transformers hands messages over."""
    message = {key: value for key, value in message.items() if value is not None}
    thoughts = next((message[key] for key in ("reasoning_content", "thinking", "reasoning") if key in message), None)
    return message if thoughts is None else {"thinking": thoughts, **message, "reasoning_content": thoughts}


def variables(messages, more):
    return {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": True, **TOKENS, **more}


def reference(source, messages, more):
    try:
        values = variables([normalised(message) for message in messages], more)
        return environment().from_string(source).render(**values), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def ours(binary, template, file, messages, more):
    with open(file, "w", encoding="utf-8") as out:
        json.dump(variables(messages, more), out)
    result = subprocess.run([binary, "template", "--template", str(template), "--messages", file], capture_output=True)
    if result.returncode == 0:
        return result.stdout.decode("utf-8"), ""
    return None, result.stderr.decode("utf-8", "replace").strip().split("\n")[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("redrafter")
    parser.add_argument("folder")
    parser.add_argument("--least", type=int, default=66)
    parser.add_argument("--list", action="store_true", help="show every template, not the misses alone")
    options = parser.parse_args()
    templates = sorted(pathlib.Path(options.folder).glob("*.jinja"))
    if not templates:
        sys.exit(f"error: no templates in {options.folder}")

    def compare(template):
        # As Python reads a text file, and as transformers reads `chat_template.jinja`.
        source = template.read_text(encoding="utf-8")
        misses, refused = [], 0
        with tempfile.TemporaryDirectory() as folder:
            for name, messages, more in CONVERSATIONS:
                wanted, reason = reference(source, messages, more)
                got, error = ours(options.redrafter, template, os.path.join(folder, "m.json"), messages, more)
                refused += wanted is None
                if wanted != got:
                    misses.append((name, wanted, got, reason or error))
        return template.name, refused, misses

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compare, templates))
    equal = sum(not misses for _, _, misses in results)
    print("| template | equal | of them refused by both | misses |\n|---|---|---|---|")
    for name, refused, misses in results:
        if misses or options.list:
            named = ", ".join(miss[0] for miss in misses) or "none"
            print(f"| {name} | {len(CONVERSATIONS) - len(misses)} of {len(CONVERSATIONS)} | {refused} | {named} |")
    for name, _, misses in results:
        for conversation, wanted, got, reason in misses:
            print(f"\n{name}, {conversation}: {reason}\n  Jinja:     {wanted!r:.300}\n  redrafter: {got!r:.300}")
    print(f"\n{equal} of {len(results)} templates equal Jinja on all {len(CONVERSATIONS)} conversations")
    sys.exit(0 if equal >= min(options.least, len(results)) else 1)


if __name__ == "__main__":
    main()
