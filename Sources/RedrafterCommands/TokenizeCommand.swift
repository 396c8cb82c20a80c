import ArgumentParser
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform

/// `redrafter tokenize`: the token ids of a text.
struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Prints the token ids of a text.",
        discussion: """
            The text is taken byte for byte. Special tokens written in it count as such, and what the tokenizer puts before \
            and behind every text (BOS, EOS) is there, as in `transformers`. The weights of the model are not read: a GGUF \
            file with a vocabulary alone and a folder with tokenizer.json alone are enough.

              redrafter tokenize -m model.gguf -p "Hello world"
              redrafter tokenize -m folder -f text.txt --no-special
            """)

    @OptionGroup var modelArguments: ModelArguments

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("The text; - reads stdin.", valueName: "text"))
    var prompt: String?

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("File with the text.", valueName: "path"))
    var file: String?

    @Flag(help: "Print one JSON object, with the text of every token.")
    var json = false

    @Flag(
        name: .customLong("no-special"),
        help: "Add no BOS and EOS, and take special tokens in the text as plain text.")
    var noSpecial = false

    @Option(help: .hidden)
    var measure: Int?

    func run() throws {
        let text = try PromptSource.bytes(prompt: prompt, file: file)
        let tokenizer = try modelArguments.loadTokenizer()
        if let measure { return try report(tokenizer, text, rounds: measure) }
        let encoding = tokenizer.encode(bytes: text, parseSpecial: !noSpecial, addsSpecial: !noSpecial)
        if encoding.droppedBytes > 0 {
            Terminal.warn("the vocabulary has no token for \(encoding.droppedBytes) bytes of the text")
        }
        guard json else {
            return try Terminal.write(encoding.tokens.map(String.init).joined(separator: " ") + "\n")
        }
        let tokens = encoding.tokens.map { id in
            JSONValue.object(["id": .integer(Int(id)), "piece": Self.piece(tokenizer.text(of: id))])
        }
        try Terminal.write(
            JSONValue.object(["count": .integer(tokens.count), "tokens": .array(tokens)]).text() + "\n")
    }

    /// Seconds of processor time that the text takes, one line for each round (Benchmarks/Scripts/bench-tokenizers.py).
    private func report(_ tokenizer: Tokenizer, _ text: [UInt8], rounds: Int) throws {
        for _ in 0..<max(0, rounds) {
            let start = processorTime()
            _ = tokenizer.encode(bytes: text, parseSpecial: !noSpecial)
            try Terminal.write("\((processorTime() - start) / .seconds(1))\n")
        }
    }

    /// Text, or a list of bytes where they are no text of their own.
    private static func piece(_ bytes: [UInt8]) -> JSONValue {
        if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
        return .array(bytes.map { .integer(Int($0)) })
    }
}

/// `redrafter detokenize`: the text of token ids.
struct DetokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detokenize",
        abstract: "Prints the text of token ids, byte for byte.",
        discussion: """
            The way back from `redrafter tokenize`: the BOS and EOS that it adds are taken off, other special tokens are \
            spelled out. Ids are separated by blanks, line breaks or commas; brackets around them are allowed.

              redrafter detokenize -m model.gguf 19556 905
              redrafter tokenize -f text.txt | redrafter detokenize
            """)

    @OptionGroup var modelArguments: ModelArguments

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("File with the ids; without it and without ids, stdin.", valueName: "path"))
    var file: String?

    @Flag(name: .customLong("no-special"), help: "Leave special tokens out.")
    var noSpecial = false

    @Argument(help: ArgumentHelp("Token ids.", valueName: "id"))
    var ids: [String] = []

    func run() throws {
        if file != nil, !ids.isEmpty {
            throw CommandFailure(.usage, "both ids and -f were given", hint: "pass one of them")
        }
        let text: [UInt8]
        if ids.isEmpty {
            text = try PromptSource.bytes(prompt: file == nil ? "-" : nil, file: file)
        } else {
            text = Array(ids.joined(separator: " ").utf8)
        }
        let tokenizer = try modelArguments.loadTokenizer()
        var tokens = try Self.parse(text, below: tokenizer.tokenCount)[...]
        if !noSpecial {
            let (prefix, suffix) = (tokenizer.definition.prefix, tokenizer.definition.suffix)
            if tokens.starts(with: prefix) { tokens = tokens.dropFirst(prefix.count) }
            if tokens.suffix(suffix.count).elementsEqual(suffix) { tokens = tokens.dropLast(suffix.count) }
        }
        try Terminal.write(bytes: tokenizer.decode(tokens, includingControl: !noSpecial))
        if Terminal.isOutputTTY { try Terminal.write("\n") }
    }

    private static let separators = Set(" \t\r\n,[]".utf8)

    static func parse(_ text: [UInt8], below count: Int) throws -> [Int32] {
        try text.split(whereSeparator: separators.contains).map { word in
            guard let word = String(validating: word, as: UTF8.self), let id = Int32(word), id >= 0,
                id < count
            else {
                throw CommandFailure(
                    .usage,
                    "token id is \(String(decoding: word.prefix(40), as: UTF8.self)); allowed: 0 to \(count - 1), the ids of this tokenizer"
                )
            }
            return id
        }
    }
}

extension ModelArguments {
    /// The tokenizer of the model alone.
    func loadTokenizer() throws -> Tokenizer {
        let definition = try TokenizerDefinition(path: try path())
        for warning in definition.warnings { Terminal.warn(warning) }
        return Tokenizer(definition)
    }
}
