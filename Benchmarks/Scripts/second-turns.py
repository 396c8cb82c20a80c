#!/usr/bin/env python3
"""Second turns on a model's own first answers, as prompts for `redrafter distill generate`.

    redrafter distill generate --prompts prompts.jsonl -o first
    redrafter distill export --data first --prompts prompts.jsonl -o first.json
    second-turns.py first.json 2000 > second.jsonl
    redrafter distill generate --prompts second.jsonl -o second --max-prompt-tokens 1024

Each line is {"id", "messages"}: the first question, the model's answer, and a follow-up question. Follow-ups come from templates
(CC0-1.0); some take up words of the answer. The choice is a function of the conversation alone.
"""
import hashlib
import json
import random
import re
import sys

WHOLE = [
    "Rewrite your answer so that a ten-year-old understands it.",
    "Make it shorter: at most three sentences.",
    "Rewrite this as a bulleted list.",
    "Rewrite this as a numbered list with a heading for each item.",
    "Turn your answer into a table in Markdown.",
    "Summarise what you just said in one sentence.",
    "Give me a concrete example.",
    "Give me three more examples.",
    "What are the arguments against this?",
    "Rewrite it in a more formal style.",
    "Rewrite it in a friendly, casual tone.",
    "Can you explain that step by step?",
    "Are you sure? Check your answer and correct it if it is wrong.",
    "What would you do differently if you had only one day?",
    "Write a short poem about it.",
    "Now write the same as an email to a colleague.",
    "Translate your answer into Spanish.",
    "Add an introduction and a conclusion.",
    "Which of these points is the most important, and why?",
    "What are common mistakes here, and how can I avoid them?",
    "Write five questions that test whether somebody understood this.",
    "Continue.",
    "Write a second part.",
    "Rewrite your answer without using the letter 'e' where you can.",
    "Give the answer as JSON with the keys \"summary\" and \"details\".",
    "Who would disagree with this, and what would they say?",
    "How does this apply to daily life?",
    "Write a catchy title and a one-paragraph teaser for it.",
]
CODE = [
    "Add comments that explain each line.",
    "Rewrite the code in Python.",
    "Rewrite the code in JavaScript.",
    "Write unit tests for it.",
    "How could this be made faster?",
    "What happens with an empty input? Fix it if it fails.",
    "Explain the code to a beginner.",
    "Add error handling.",
]
SENTENCE = [
    'What do you mean by "{}"?',
    'Explain this part in more detail: "{}"',
    'Rewrite only this sentence in simpler words: "{}"',
    'Is this always true? "{}"',
]
WORD = [
    "Tell me more about {}.",
    "What has {} to do with it?",
    "Write a paragraph about {}.",
]


def follow_up(answer, chooser):
    if "```" in answer and chooser.random() < 0.7:
        return chooser.choice(CODE)
    sentences = [s for s in re.findall(r"[A-Z][^.!?\n|`*]{20,120}[.!?]", answer)]
    words = re.findall(r"\b[a-z]{7,}\b", answer)
    kind = chooser.random()
    if sentences and kind < 0.2:
        return chooser.choice(SENTENCE).format(chooser.choice(sentences))
    if words and kind < 0.3:
        return chooser.choice(WORD).format(chooser.choice(words))
    return chooser.choice(WHOLE)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: second-turns.py CONVERSATIONS.json [COUNT] > second.jsonl")
    with open(sys.argv[1], encoding="utf-8") as file:
        conversations = json.load(file)
    limit = int(sys.argv[2]) if len(sys.argv) == 3 else len(conversations)
    written = 0
    for conversation in conversations:
        turns = conversation["conversations"]
        if written == limit or len(turns) != 2 or not turns[1]["value"].strip():
            continue
        # One answer in 50 is held out: what is like it must not be trained on.
        if int(conversation["id"].rsplit("-", 1)[-1]) % 50 == 0:
            continue
        question, answer = (turn["value"] for turn in turns)
        digest = hashlib.sha256((question + "\0" + answer).encode()).digest()
        chooser = random.Random(int.from_bytes(digest[:8], "big"))
        messages = [
            {"role": "user", "content": question}, {"role": "assistant", "content": answer},
            {"role": "user", "content": follow_up(answer, chooser)},
        ]
        print(json.dumps({"id": digest.hex()[:16], "messages": messages}, ensure_ascii=False))
        written += 1


main()
