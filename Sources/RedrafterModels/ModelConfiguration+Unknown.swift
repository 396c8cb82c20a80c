import RedrafterCore

extension ModelConfiguration {
    /// A family of models that is not supported, named as what it is, with the nearest that is.
    static func unknown(_ key: String, _ name: String, file: String, supported: String) -> ModelError {
        let lowercased = name.lowercased()
        // In `config.json` this is the family with images; the text alone is gemma3_text.
        let kind =
            lowercased == "gemma3"
            ? withImages : kinds.first { $0.parts.contains(where: lowercased.contains) }?.what
        let names =
            key == "model_type"
            ? Architecture.allCases.flatMap(\.traits.modelTypes) : Architecture.allCases.map(\.rawValue)
        let nearest =
            names
            .map { (name: $0, shared: zip($0, lowercased).prefix { $0 == $1 }.count) }
            .max { $0.shared < $1.shared }
        let hint = nearest.flatMap { $0.shared >= 3 ? "; the nearest of them is \($0.name)" : nil } ?? ""
        return .unsupported(
            file: file, what: "\(key) \"\(name)\"\(kind.map { ", \($0)," } ?? "")",
            supported: supported + hint)
    }

    private static let withImages = "a model of images and text"

    /// Parts of names of families, and what those families are.
    private static let kinds: [(parts: [String], what: String)] = [
        (
            ["moe", "mixtral", "dbrx", "deepseek", "gpt-oss", "gpt_oss", "grok", "llama4"],
            "a mixture of experts"
        ),
        (
            [
                "mamba", "rwkv", "jamba", "lfm2", "hybrid", "zamba", "falcon_h1", "falcon-h1", "qwen3next",
                "qwen3_next",
            ],
            "a state-space or hybrid model"
        ),
        (
            ["vl", "vision", "llava", "paligemma", "mistral3", "mllama", "idefics", "pixtral", "clip"],
            withImages
        ),
        (["bert", "t5", "bart", "whisper", "electra"], "no causal language model"),
        (["eagle", "medusa"], "the head of a drafter, not a model"),
    ]
}
