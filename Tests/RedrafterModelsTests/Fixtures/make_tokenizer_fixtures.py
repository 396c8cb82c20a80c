"""Makes the small tokenizers of Fixtures/Tokenizers and the cases beside them, with Hugging Face `tokenizers`.

    python -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python make_tokenizer_fixtures.py

Each tokenizer is trained on texts of tokenizer_cases.jsonl with the normalizer, pre-tokenizer, model flags and decoder of a
model family, so that its construction, not its vocabulary, is what the tests compare.
"""

import json
import os
import random
import unicodedata
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "Tokenizers")
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def texts():
    with open(os.path.join(HERE, "tokenizer_cases.jsonl"), encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


EXTRA = [
    "", " ", "  ", "\n", " a", "a ", "  a", "\ta", "\t\ta", "a\n\n b", "\r\n\r\n", " \n \n x", "x \n", "'s 't're 'VE'Ll 'd'M",
    "\u2019s'\u017f '\u017fx 'S", "12345678 1 22 333", "\u0661\u0662\u0663\u0664 \u2167\u2168 \u00bd\u00be\u00b2", "e\u0301 \u00e9 A\u030a \u212b \u1100\u1161\u11a8",
    "q\u0307\u0323 q\u0323\u0307", "\U0001d15e \u0344 \ufb1d", "a\u00a0b \u2003 c\u3000d\u0085e", "\x00\x01 \x7f", "\u0600\u0601", "a_b__c", "\u088f\u0c5c \U00011de0",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 x", "\u2581 \u2581\u2581a", "a\u2581b", "<s>", "</s>", "<s> a </s>", "a<s>b</s>c", "<unk>", "<0x41>", "\u00ab\u00bb",
    "[W]x [W] x[W] y[W]", "a <L> b  <L>c", "a <R> b <R>  c", "  <LR>  <LR> z", "<LR><L><R>", "caf\u00e9N cafe\u0301N", "xN1 N1", "a\n[W]\n", "\u0644[W]", "!!!???...   ---",
    "a\u0301\u0301\u0301\u0323", "\uac00\uac01\u11a8", "\ufeffa", "\u200b\u200c", "if (a) {\n\treturn b;\n}\n", "        deep\n    indent",
]


def special(content, **flags):
    return AddedToken(content, special=True, normalized=False, **flags)


def flagged():
    return [
        AddedToken("[W]", single_word=True, special=False, normalized=False),
        AddedToken("<L>", lstrip=True, special=True, normalized=False),
        AddedToken("<R>", rstrip=True, special=True, normalized=False),
        AddedToken("<LR>", lstrip=True, rstrip=True, special=False, normalized=False),
        AddedToken("cafe\u0301N", special=False, normalized=True),
        AddedToken("N1", special=False, normalized=True),
    ]


def byte_level(size, pre, normalizer=None, specials=("<|endoftext|>",), bos=None, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts(), trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False))
    tokenizer.add_special_tokens([special(t) for t in specials])
    tokenizer.add_tokens(flagged())
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    if bos:
        token = tokenizer.token_to_id(bos)
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, token)])])
    return tokenizer


def sentence_piece(size, form, fuse=True, byte_fallback=True):
    """Merges are learned within words, as in Llama; they cross words only where the pieces are blanks."""
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    head = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if byte_fallback else [])
    learner.train_from_iterator(texts(), trainers.BpeTrainer(
        vocab_size=size, special_tokens=head, limit_alphabet=160, show_progress=False))
    model = json.loads(learner.to_str())["model"]
    tokenizer = Tokenizer(models.BPE(
        vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]], unk_token="<unk>", fuse_unk=fuse,
        byte_fallback=byte_fallback))
    if form == "prepend":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
            prepend_scheme="first" if form == "first" else "always", split=form == "legacy")
    if form == "prepend":
        tokenizer.decoder = decoders.Sequence([
            decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    elif byte_fallback:
        tokenizer.decoder = decoders.Sequence([
            decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    else:
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=form == "legacy")
    tokenizer.add_special_tokens([special(t) for t in ["<unk>", "<s>", "</s>"]])
    tokenizer.add_tokens(flagged())
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False)])


def all_tokenizers():
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)
    smollm = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])
    yield "gpt2", byte_level(600, gpt2)
    yield "smollm", byte_level(600, smollm, specials=("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    yield "llama3", byte_level(
        700, split(LLAMA3), specials=("<|begin_of_text|>", "<|eot_id|>"), bos="<|begin_of_text|>", ignore_merges=True)
    yield "qwen2", byte_level(600, split(QWEN2), normalizers.NFC(), specials=("<|im_start|>", "<|im_end|>"))
    yield "llama2", sentence_piece(800, "prepend")
    yield "mistral", sentence_piece(800, "first")
    yield "metaspace", sentence_piece(700, "legacy", fuse=False, byte_fallback=False)


def cases():
    rows = texts()
    random.Random(7).shuffle(rows)
    short = [t for t in rows if 0 < len(t) <= 50][:130]
    long = [t for t in rows if 60 < len(t) <= 200][:6]
    return EXTRA + short + long


def main():
    os.makedirs(OUT, exist_ok=True)
    rows = cases()
    with open(os.path.join(OUT, "texts.json"), "w", encoding="utf-8") as out:
        json.dump(rows, out, ensure_ascii=True, separators=(",", ":"))
    for name, tokenizer in all_tokenizers():
        text = tokenizer.to_str()
        # Spell the merges of two files as "a b", the older form.
        value = json.loads(text)
        if name in ("gpt2", "llama2"):
            value["model"]["merges"] = [" ".join(pair) for pair in value["model"]["merges"]]
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        tokenizer = Tokenizer.from_str(text)
        with open(os.path.join(OUT, name + ".tokenizer.json"), "w", encoding="utf-8") as out:
            out.write(text)
        encodings = [tokenizer.encode(t, add_special_tokens=False).ids for t in rows]
        decoded = [tokenizer.decode(ids, skip_special_tokens=False) for ids in encodings]
        if name == "qwen2":  # the byte-level decoder takes the e with acute of the added token for a byte
            decoded = [unicodedata.normalize("NFC", t) if "N" in t and "\ufffd" in d else d for d, t in zip(decoded, rows)]
        # null where the text comes back
        with open(os.path.join(OUT, name + ".ids.json"), "w", encoding="utf-8") as out:
            json.dump({
                "ids": encodings,
                "decoded": [None if d == t else d for d, t in zip(decoded, rows)],
                "with_special": tokenizer.encode("a b").ids,
            }, out, ensure_ascii=True, separators=(",", ":"))


main()
