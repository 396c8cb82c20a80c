import RedrafterFormats

/// A byte-level tokenizer in the manner of SmolLM2: a token for every byte, three merges, four special tokens.
public enum ToyTokenizer {
    /// Spellings in the byte-level alphabet, by id.
    public static let tokens: [String] =
        (0..<256).map { String(alphabet[$0]) } + ["he", "ll", "hell"] + special

    /// Pairs that merge, best first.
    public static let merges = ["h e", "l l", "he ll"]

    /// The last tokens: end of text, begin and end of a message, and one without use.
    public static let special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|unused|>"]

    /// GGUF's token types: 1 normal, 3 control.
    public static let kinds = tokens.map { special.contains($0) ? Int32(3) : Int32(1) }

    /// ChatML.
    public static let chatTemplate =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' "
        + "+ '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

    /// `tokenizer.json` as Hugging Face's tokenizers write it.
    public static var json: String {
        let vocabulary = tokens.enumerated().map { (ByteSlice($1), JSONValue.integer($0)) }
        let added = special.map { token in
            JSONValue.object([
                "id": .integer(tokens.firstIndex(of: token) ?? 0), "content": .string(token),
                "single_word": .bool(false), "lstrip": .bool(false), "rstrip": .bool(false),
                "normalized": .bool(false), "special": .bool(true),
            ])
        }
        let digits = JSONValue.object(["type": .string("Digits"), "individual_digits": .bool(true)])
        let byteLevel = JSONValue.object([
            "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
            "use_regex": .bool(true),
        ])
        return JSONValue.object([
            "version": .string("1.0"), "truncation": .null, "padding": .null, "added_tokens": .array(added),
            "normalizer": .null,
            "pre_tokenizer": .object([
                "type": .string("Sequence"), "pretokenizers": .array([digits, byteLevel]),
            ]),
            "post_processor": .null, "decoder": byteLevel,
            "model": .object([
                "type": .string("BPE"), "dropout": .null, "unk_token": .null,
                "continuing_subword_prefix": .null, "end_of_word_suffix": .null, "fuse_unk": .bool(false),
                "byte_fallback": .bool(false), "vocab": .object(JSONObject(vocabulary)),
                "merges": .array(merges.map { .string($0) }),
            ]),
        ]).text()
    }

    /// GPT-2's letters for the bytes: printable ones stand for themselves, the others for U+0100 and on.
    private static let alphabet: [Character] = {
        var letters = [Character]()
        var next: UInt32 = 0x100
        for byte in UInt32(0)..<256 {
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
            let value = isPrintable ? byte : next
            if !isPrintable { next += 1 }
            letters.append(Character(Unicode.Scalar(value) ?? " "))
        }
        return letters
    }()
}
