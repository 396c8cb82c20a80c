#!/usr/bin/env python3
"""Long chats as prompts for `redrafter compare`: how do drafters do behind 256, 1,024, … tokens?

    redrafter distill generate --prompts Tests/Prompts/mt_bench.jsonl -o answers
    redrafter distill export --data answers --prompts Tests/Prompts/mt_bench.jsonl -o answers.json
    long-chats.py answers.json 256,1024,2048,4096 12 > chats.jsonl
    redrafter compare --drafters rnn,lookup,rnn+lookup --prompts chats.jsonl -n 128

Each chat is a number of turns that the model has answered, about as many tokens as wanted, and one more question. Its category is
the length. All lengths end in the same questions. A token is taken for 4.2 bytes, which suits English text.
"""
import json
import sys

BYTES_PER_TOKEN = 4.2


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: long-chats.py CONVERSATIONS.json LENGTH,… COUNT > chats.jsonl")
    with open(sys.argv[1], encoding="utf-8") as file:
        turns = [[turn["value"] for turn in entry["conversations"]] for entry in json.load(file)]
    lengths, count = [int(part) for part in sys.argv[2].split(",")], int(sys.argv[3])
    turns = [turn for turn in turns if len(turn) == 2]
    if len(turns) <= count:
        sys.exit(f"{sys.argv[1]} has {len(turns)} conversations of one turn; more than {count} are needed")
    for length in lengths:
        for chat in range(count):
            question, messages, size = turns[chat][0], [], 0
            others = [turn for turn in turns[chat + 1:] + turns[:chat] if turn[0] != question]
            for user, assistant in others:
                if size + len(question.encode()) >= length * BYTES_PER_TOKEN:
                    break
                messages += [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
                size += len(user.encode()) + len(assistant.encode())
            else:
                sys.exit(f"{sys.argv[1]} has too few conversations for a chat of {length} tokens")
            messages.append({"role": "user", "content": question})
            print(json.dumps(
                {"id": f"{length}-{chat}", "category": f"{length} tokens", "messages": messages}, ensure_ascii=False))


main()
