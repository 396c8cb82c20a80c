"""Makes Fixtures/Tokenizers/components.json and patterns.json with Hugging Face `tokenizers`.

    python -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python make_component_fixtures.py

components.json: parts of a `tokenizer.json` put in the place of those of a small tokenizer beside it, with the ids and the
decoded texts. patterns.json: regular expressions and what `Split` makes of texts with them.
"""

import json
import os
import random
from tokenizers import Regex, Tokenizer
from tokenizers.pre_tokenizers import Split

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "Tokenizers")


def load(name):
    with open(os.path.join(OUT, name), encoding="utf-8") as file:
        return json.load(file)


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def steps(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def normal(*parts):
    return {"type": "Sequence", "normalizers": [p if isinstance(p, dict) else {"type": p} for p in parts]}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def replace(pattern, content, kind="String"):
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def metaspace(scheme, cuts=True):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": cuts}


def decoder(*parts):
    return {"type": "Sequence", "decoders": list(parts)}


BLANK = replace("\u2581", " ")
BYTES, FUSE = {"type": "ByteFallback"}, {"type": "Fuse"}
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|"
    r"\s+(?!\S)|\s")

COMPONENTS = [
    ("byte level without a pattern", "gpt2", {"pre_tokenizer": byte_level(regex=False)}),
    ("a space in front", "gpt2", {"pre_tokenizer": byte_level(prefix=True)}),
    ("a space in front of every piece", "gpt2", {"pre_tokenizer": steps(split(r"\d"), byte_level(True, False))}),
    ("the pattern of GPT-4o", "gpt2", {"pre_tokenizer": steps(split(GPT4O), byte_level(regex=False))}),
    ("a possessive pattern", "gpt2", {"pre_tokenizer": steps(split(CL100K), byte_level(regex=False))}),
    ("three splits", "gpt2", {"pre_tokenizer": steps(
        split(r"\p{N}{1,3}"), split(r"[\u4e00-\u9fa5\u3040-\u30ff]+"), split(r"\p{L}+|\s+"), byte_level(regex=False))}),
    ("matches removed", "gpt2", {"pre_tokenizer": steps(split(r"\s+", "Removed"), byte_level(regex=False))}),
    ("matches kept, the rest removed", "gpt2", {
        "pre_tokenizer": steps(split(r"\w+|[^\w\s]", "Removed", True), byte_level(regex=False))}),
    ("merged with the piece before", "gpt2", {
        "pre_tokenizer": steps(split(" ", "MergedWithPrevious", kind="String"), byte_level(regex=False))}),
    ("merged with the piece behind", "gpt2", {
        "pre_tokenizer": steps(split(" ", "MergedWithNext", kind="String"), byte_level(regex=False))}),
    ("contiguous", "gpt2", {"pre_tokenizer": steps(split(r"[aeiou]", "Contiguous"), byte_level(regex=False))}),
    ("digits in runs, signs alone", "gpt2", {"pre_tokenizer": steps(
        {"type": "Digits", "individual_digits": False}, {"type": "Punctuation", "behavior": "Isolated"}, byte_level())}),
    ("pieces of four characters", "gpt2", {"pre_tokenizer": steps({"type": "FixedLength", "length": 4}, byte_level())}),
    ("a character removed", "gpt2", {
        "pre_tokenizer": steps({"type": "CharDelimiterSplit", "delimiter": "-"}, byte_level())}),
    ("whole words", "gpt2", {"model": {"ignore_merges": True}, "pre_tokenizer": byte_level(regex=False)}),
    ("NFKC in small letters", "gpt2", {"normalizer": normal("NFKC", "Lowercase")}),
    ("NFKD without accents", "gpt2", {"normalizer": normal("NFKD", "StripAccents")}),
    ("NFD, stripped", "gpt2", {"normalizer": normal("NFD", {"type": "Strip", "strip_left": True, "strip_right": True})}),
    ("plain blanks, replaced", "gpt2", {"normalizer": normal("Nmt", replace(r" {2,}", " ", "Regex"))}),
    ("a template of several tokens", "gpt2", {"post_processor": {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "X", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                   {"SpecialToken": {"id": "Y", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"X": {"id": "X", "ids": [1, 2], "tokens": ["a", "b"]},
                           "Y": {"id": "Y", "ids": [3], "tokens": ["c"]}}}}),
    ("Roberta's ends", "gpt2", {"post_processor": {
        "type": "RobertaProcessing", "sep": ["q", 5], "cls": ["p", 4], "trim_offsets": True, "add_prefix_space": False}}),
    ("words, joined with spaces", "llama2", {
        "normalizer": None, "pre_tokenizer": {"type": "Whitespace"}, "decoder": None, "model": {"byte_fallback": False}}),
    ("words with signs, unknown ones apart", "llama2", {
        "normalizer": None, "pre_tokenizer": {"type": "WhitespaceSplit"}, "decoder": None,
        "model": {"byte_fallback": False, "fuse_unk": False}}),
    ("blanks in front of the first piece", "llama2", {
        "normalizer": None, "pre_tokenizer": metaspace("first"), "decoder": metaspace("first")}),
    ("blanks in front of every piece, uncut", "llama2", {
        "normalizer": None, "pre_tokenizer": metaspace("always", False), "decoder": metaspace("always", False)}),
    ("Gemma's cut at spaces that are none", "llama2", {
        "normalizer": replace(" ", "\u2581"), "pre_tokenizer": split(" ", "MergedWithPrevious", kind="String"),
        "decoder": decoder(BLANK, BYTES, FUSE)}),
    ("two spaces off the start", "llama2", {
        "decoder": decoder(BLANK, BYTES, FUSE, {"type": "Strip", "content": " ", "start": 2, "stop": 0})}),
    ("no unknown token", "llama2", {"model": {"byte_fallback": False, "unk_token": None}}),
]

PATTERNS = [
    GPT4O, CL100K, r"\d{1,3}(?=(?:\d{3})*\b)", r"(?=(\d{3})+(?!\d))", r"\s+$", r"\b\w+\b", r"(?<=\s)\S+", r"(?<!\w)[A-Z]\w*",
    r"[^\n]+|[\n]+", r"\p{Han}+|\p{Hiragana}+|\p{Katakana}+|\p{Hangul}+|\p{Latin}+|\p{Cyrillic}+|\p{Greek}+", r"\p{Common}+",
    r"[[:alpha:]]+", r"[[:punct:]]+", r"[[:^alnum:]]+", r"\p{P}+", r"\p{S}+", r"\p{M}+", r"\p{Lu}+", r"\w+", r"[\w]+", r"\W+",
    r"\D+", r"\h+", r"\p{Zs}+", r"\p{Cn}+", r"(?i:[a-f]+)", r"(?i)\u00c9+", r"a(?i)b|c", r"(?:a|ab)(?:c|bcd)?", r"(?:a*)*b",
    r"a+?b", r".{2,4}?", r"(?m:.+)", r"(?>a+)b", r"(?:ab?)++c", r"x*", r"(?!a)\w", r"[^\W\d_]+", r"[a-z&&[^aeiou]]+",
    r"[\p{L}&&[^\p{Han}]]+", r"\R", r"\A\w+", r"\w+\Z", r"^\w+", r"\w+$", r"\B.", r"(?<=ab|c)d?", r"\p{^L}+", r"\P{L}+",
    r"\u4e2d|\x{6587}", r"a{2}?", r"a{2}+", r"a{,2}", r"a{x", r"[]a]+", r"[-a]+", r"\p{Lu}(?=\p{Ll})", r"(?:a|b|ab)*+c",
    r"(?=.*1)\w", r"\p{L}+(?=\s)", r"(?<=\p{L})\p{N}", r"(?<![a-z])\d{2}", r"(?#note)a|(?<name>b)", r"(?x) a b # c",
]
LETTERS = (
    "aabbccd eEsStTZ 1123 \n\n\r\t  '\u2019\".,!?-_/$+<>=~^`|(){}#\\ \u00e9\u00c9\u00fc\u017fK\u4e2d\u6587\u304b\u306a\u30ab\ud55c\uad6d"
    "\u0430\u0431\u0412\u03b1\u03b2\u0645\u0631\u0e44\u0301\u0308\u200d\u00a0\u3000\u2028\U0001f600\u00bd\u00b2\u2167\u0663\u2460\u01c5"
    "\u02b0\u00aa\u20ac\ufeff\u203f")
BEHAVIORS = ["Isolated", "Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def python_name(behavior):
    return "".join("_" + c.lower() if c.isupper() else c for c in behavior).lstrip("_")


def some_text(rng):
    if rng.random() < 0.4:
        return "".join(rng.choice("aab bc d1 2\n") for _ in range(rng.randint(1, 20)))
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 24)))


def write(name, rows):
    with open(os.path.join(OUT, name), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")


def main():
    texts = load("texts.json")[::4]
    rows = []
    for name, base, parts in COMPONENTS:
        definition = load(base + ".tokenizer.json")
        for key, value in parts.items():
            if key == "model":
                definition["model"].update(value)
            else:
                definition[key] = value
        tokenizer = Tokenizer.from_str(json.dumps(definition))
        ids = [tokenizer.encode(text, add_special_tokens=True).ids for text in texts]
        decoded = [tokenizer.decode(tokens, skip_special_tokens=False) for tokens in ids]
        rows.append({"name": name, "base": base, "parts": parts, "ids": ids, "decoded": decoded})
    write("components.json", rows)

    rng = random.Random(7)
    rows = []
    for pattern in PATTERNS:
        for _ in range(5):
            text, behavior, invert = some_text(rng), rng.choice(BEHAVIORS), rng.random() < 0.15
            pieces = Split(Regex(pattern), python_name(behavior), invert=invert).pre_tokenize_str(text)
            rows.append({"pattern": pattern, "text": text, "behavior": behavior, "invert": invert,
                         "pieces": [piece for piece, _ in pieces]})
    write("patterns.json", rows)


main()
