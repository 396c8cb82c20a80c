/// What the names in `tokenizer.ggml.pre` stand for: the patterns of the vocabularies that llama.cpp knows.
struct GGUFPreTokenizer: Sendable {
    /// The first is the one that is written.
    var names: [String]
    /// Each cuts at its matches what those before have left.
    var patterns: [String]
    /// Words that are tokens are taken whole.
    var wholeWords = TokenizerDefinition.WholeWords.none
    /// A begin-of-sequence token is put before texts, unless the file says otherwise.
    var addsBOS = false
    /// Tokens are spelled with blanks for spaces instead of the byte-level alphabet.
    var spellsBlanks = false
    /// Text is brought to NFC (the original tokenizers do; llama.cpp does not).
    var normalizesToNFC = false

    /// The steps of the patterns.
    func steps() throws(PatternError) -> [PreTokenizer] {
        var steps = [PreTokenizer]()
        for pattern in patterns {
            if pattern == Self.numeric {
                steps.append(.digits(isSingle: true))
            } else {
                steps.append(.split(TextPattern(try Pattern(pattern)), .isolated))
            }
        }
        return steps.simplified
    }

    /// The entry of a name; nil for names that are not known.
    static func named(_ name: String) -> GGUFPreTokenizer? {
        all.first { entry in entry.names.contains { $0.utf8.elementsEqual(name.utf8) } }
    }

    /// The entry that does what these steps do; nil where none does.
    static func matching(_ definition: TokenizerDefinition) -> GGUFPreTokenizer? {
        let nfc = definition.normalizers == [.form(.composed)]
        let blanks = definition.normalizers == [.replace(TextPattern(literal: [0x20]), with: Blank.bytes)]
        let candidates = all.filter { entry in
            entry.wholeWords == definition.wholeWords
                && entry.spellsBlanks == (definition.model == .characterBPE)
                && (entry.spellsBlanks ? blanks : definition.normalizers.isEmpty || nfc)
                && (try? entry.steps()) == definition.preTokenizers
        }
        return candidates.first { $0.normalizesToNFC == nfc } ?? candidates.first
    }

    // MARK: Patterns

    private static let numeric = #"\p{N}"#
    private static let contractions = "'s|'t|'re|'ve|'m|'ll|'d"
    private static let anyCase = "(?i:" + contractions + ")"
    private static let spaces = #"\s+(?!\S)|\s+"#
    private static let signs = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"# + spaces
    private static let signsOrSlash = #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|"# + spaces
    private static let letters = #"[^\r\n\p{L}\p{N}]?\p{L}+|"#
    private static let gpt2 = contractions + #"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|"# + spaces
    private static let llama3 = anyCase + "|" + letters + #"\p{N}{1,3}"# + signs
    private static let qwen2 = anyCase + "|" + letters + numeric + signs
    private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    private static let lead = #"[^\r\n\p{L}\p{N}]?"#

    /// Words of capitals, then small letters.
    private static func cased(_ upper: String, _ lower: String, _ end: String) -> String {
        lead + upper + "*" + lower + "+" + end + "|" + lead + upper + "+" + lower + "*" + end + "|"
    }

    private static let gpt4o = cased(upper, lower, anyCase + "?") + #"\p{N}{1,3}"# + signsOrSlash
    private static let marks =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|"##
        + #"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+"#
    private static let deepseek3 = [
        #"\p{N}{1,3}"#, "[\u{4E00}-\u{9FA5}\u{3040}-\u{309F}\u{30A0}-\u{30FF}]+",
        marks + #"[\r\n]*|\s*[\r\n]+|"# + spaces,
    ]
    private static let bloom = " ?[^(\\s|.,!?\u{2026}\u{3002}\u{FF0C}\u{3001}\u{964}\u{6D4}\u{60C})]+"
    private static let lines = #"[^\n]+|[\n]+"#
    private static let notHan = #"&&[^\p{Han}]]"#

    /// Letters that have a case, as the pattern of DeepSeek LLM lists them.
    private static let casedLetters =
        "["
        + "A-Za-z\u{B5}\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{1BA}\u{1BC}-\u{1BF}\u{1C4}-\u{293}"
        + "\u{295}-\u{2AF}\u{370}-\u{373}\u{376}\u{377}\u{37B}-\u{37D}\u{37F}\u{386}\u{388}-\u{38A}"
        + "\u{38C}\u{38E}-\u{3A1}\u{3A3}-\u{3F5}\u{3F7}-\u{481}\u{48A}-\u{52F}\u{531}-\u{556}"
        + "\u{10A0}-\u{10C5}\u{13A0}-\u{13F5}\u{13F8}-\u{13FD}\u{1C90}-\u{1CBA}\u{1CBD}-\u{1CBF}"
        + "\u{1D00}-\u{1D2B}\u{1D6B}-\u{1D77}\u{1D79}-\u{1D9A}\u{1E00}-\u{1F15}\u{1F18}-\u{1F1D}"
        + "\u{1F20}-\u{1F45}\u{1F48}-\u{1F4D}\u{1F50}-\u{1F57}\u{1F59}\u{1F5B}\u{1F5D}\u{1F5F}-"
        + "\u{1F7D}\u{1F80}-\u{1FB4}\u{1FB6}-\u{1FBC}\u{1FBE}\u{1FC2}-\u{1FC4}\u{1FC6}-\u{1FCC}"
        + "\u{1FD0}-\u{1FD3}\u{1FD6}-\u{1FDB}\u{1FE0}-\u{1FEC}\u{1FF2}-\u{1FF4}\u{1FF6}-\u{1FFC}"
        + "\u{2102}\u{2107}\u{210A}-\u{2113}\u{2115}\u{2119}-\u{211D}\u{2124}\u{2126}\u{2128}"
        + "\u{212A}-\u{212D}\u{212F}-\u{2134}\u{2139}\u{213C}-\u{213F}\u{2145}-\u{2149}\u{214E}"
        + "\u{2183}\u{2184}\u{2C00}-\u{2C7B}\u{2C7E}-\u{2CE4}\u{2CEB}-\u{2CEE}\u{2CF2}\u{2CF3}"
        + "\u{A640}-\u{A66D}\u{A680}-\u{A69B}\u{A722}-\u{A76F}\u{A771}-\u{A787}\u{A78B}-\u{A78E}"
        + "\u{AB70}-\u{ABBF}\u{FB00}-\u{FB06}\u{FB13}-\u{FB17}\u{FF21}-\u{FF3A}\u{FF41}-\u{FF5A}"
        + "\u{10400}-\u{1044F}\u{104B0}-\u{104D3}\u{104D8}-\u{104FB}\u{10C80}-\u{10CB2}\u{10CC0}-"
        + "\u{10CF2}\u{118A0}-\u{118DF}\u{1E900}-\u{1E943}"
        + "]"

    /// Runs of digits in groups of three from the right.
    private static let groupedDigits = #"\p{Nd}{1,3}(?=(?:\p{Nd}{3})*(?!\p{Nd}))"#

    // MARK: Names

    static let all: [GGUFPreTokenizer] = [
        Self(
            names: [
                "gpt-2", "gpt2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de",
                "a.x-4.0",
                "mellum", "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe", "mpt", "olmo", "jais",
                "trillion", "granite-docling", "exaone4",
            ], patterns: [gpt2]),
        Self(
            names: [
                "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2",
            ], patterns: [numeric, gpt2]),
        Self(
            names: [
                "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
                "jina-v5-nano",
            ], patterns: [llama3], wholeWords: .all, addsBOS: true),
        Self(names: ["dbrx", "smaug-bpe", "chatglm-bpe"], patterns: [llama3]),
        Self(names: ["glm4", "glm5"], patterns: [llama3], wholeWords: .all),
        Self(
            names: ["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"], patterns: [qwen2],
            normalizesToNFC: true),
        Self(names: ["stablelm2", "hunyuan", "solar-open", "grok-2"], patterns: [qwen2]),
        Self(
            names: ["qwen35"],
            patterns: [
                anyCase
                    + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|"#
                    + spaces
            ]),
        Self(names: ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"], patterns: [gpt4o]),
        Self(names: ["granite-embed-multi-97m"], patterns: [gpt4o], wholeWords: .all),
        Self(names: ["tiny_aya", "cohere2moe"], patterns: [#"\d{1,3}(?=(?:\d{3})*\b)"#, gpt4o]),
        Self(
            names: ["tekken"], patterns: [cased(upper, lower, "") + numeric + signsOrSlash], wholeWords: .all,
            addsBOS: true),
        Self(
            names: ["deepseek-llm"],
            patterns: [
                #"[\r\n]"#, #"\s?"# + casedLetters + "+",
                "\\s?[!-/:-~\u{FF01}-\u{FF0F}\u{FF1A}-\u{FF5E}\u{2018}-\u{201F}\u{3000}-\u{3002}]+", #"\s+$"#,
                "[\u{4E00}-\u{9FA5}\u{800}-\u{4E00}\u{AC00}-\u{D7FF}]+", #"\p{N}+"#,
            ]),
        Self(
            names: ["deepseek-coder"],
            patterns: [
                #"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#,
                "[\u{4E00}-\u{9FA5}\u{800}-\u{4E00}\u{AC00}-\u{D7FF}]+", numeric,
            ]),
        Self(names: ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"], patterns: deepseek3),
        Self(
            names: ["spark2_5"],
            patterns: [deepseek3[0], deepseek3[1], marks + #"|[\r\n]|"# + spaces, numeric]),
        Self(
            names: ["youtu"],
            patterns: [
                "[\u{AC00}-\u{D7A3}\u{3131}-\u{318E}]+|[\u{FF01}\u{2026}\u{201C}\u{201D}\u{2018}\u{2019}\u{2014}\u{FF1A}"
                    + "\u{FF1B}\u{FF0C}\u{3001}-\u{303F}\u{FE30}-\u{FE4F}]+|[\u{3105}-\u{312F}]+"
                    + "|[\u{4E00}-\u{9FA5}\u{3040}-\u{309F}\u{30A0}-\u{30FF}]+",
                cased(upper, lower, anyCase + "?") + numeric + signsOrSlash,
            ], wholeWords: .all),
        Self(
            names: ["falcon"],
            patterns: [#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"]),
        Self(
            names: ["default"],
            patterns: [#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]),
        Self(names: ["bloom", "poro-chat", "gpt3-finnish"], patterns: [bloom]),
        Self(names: ["viking"], patterns: [bloom, numeric]),
        Self(
            names: ["jais-2"],
            patterns: [
                anyCase + "|" + letters + #"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"#
                    + [512, 256, 128, 64, 32, 16, 8, 4].map { #"\s{\#($0)}(?!\S)|"# }.joined()
                    + #"\s{1,2}(?!\S)|\s{1}"#
            ]),
        Self(
            names: ["chameleon"],
            patterns: [
                "<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", #"([\t\n]|    |  )"#, numeric,
                #"[\p{P}!-/:-@\[-`{-~]"#, gpt2,
            ], addsBOS: true),
        Self(
            names: ["kimi-k2"],
            patterns: [
                #"[\p{Han}]+|"#
                    + cased(upper.dropLast() + notHan, lower.dropLast() + notHan, anyCase + "?")
                    + #"\p{N}{1,3}"# + signs
            ]),
        Self(names: ["superbpe"], patterns: [#"\p{N}+"#, #"(?=(\d{3})+(?!\d))"#]),
        Self(
            names: ["bailingmoe", "bailingmoe2", "llada-moe"],
            patterns: [
                #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|"#
                    + spaces
            ]),
        Self(
            names: ["seed-coder"],
            patterns: [anyCase + "|" + letters + #"\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|"# + spaces]),
        Self(names: ["ufakzeka"], patterns: [letters + numeric + signs]),
        Self(
            names: ["afmoe"],
            patterns: [
                groupedDigits,
                "[\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{F900}-\u{FAFF}\u{3040}-\u{309F}\u{30A0}-\u{30FF}\u{FF65}-\u{FF9F}"
                    + "\u{2F00}-\u{2FDF}\u{E40}-\u{E7F}\u{E80}-\u{EFF}\u{1780}-\u{17FF}\u{1000}-\u{109F}"
                    + "\u{AA60}-\u{AA7F}\u{A9E0}-\u{A9FF}\u{AC00}-\u{D7AF}\u{1100}-\u{11FF}]+",
                marks + #"[\r\n]*|\s*[\r\n]+|"# + spaces,
            ]),
        Self(names: ["laguna"], patterns: [lines, qwen2]),
        Self(
            names: ["exaone-moe"],
            patterns: [
                anyCase
                    + #"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"#
                    + #"|\s*[\r\n]|"# + spaces
            ]),
        Self(
            names: ["minicpm5"],
            patterns: [#"\p{N}{1,3}"#, anyCase + "|" + letters + #"\p{N}+"# + signs], wholeWords: .all),
        Self(
            names: ["gemma4", "granite-embed-multi-311m"], patterns: [lines], wholeWords: .lineBreaks,
            addsBOS: true, spellsBlanks: true),
        Self(names: ["sarvam-moe"], patterns: [lines], spellsBlanks: true),
    ]
}
