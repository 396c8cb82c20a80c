import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

/// Texts that reach every branch of the encoders.
private let probes = [
    "", " ", "hello  world\n\n", "a'S 12345 é中😀", "<s>a b</s><|im_start|>", "▁▁a ▁", "\u{0}\u{FEFF}e\u{301}",
]

/// Opens bytes as a GGUF file.
func ggufFile(_ bytes: [UInt8]) throws -> GGUFFile {
    try bytes.withUnsafeBytes { try GGUFFile(file: MappedFile(copying: $0, path: "toy.gguf")) }
}

/// Whatever a damaged file says: tokens lie in the vocabulary, and both ways end.
private func use(_ tokenizer: Tokenizer, _ context: @autoclosure () -> String) {
    for probe in probes {
        for parseSpecial in [false, true] {
            let tokens = tokenizer.encode(probe, parseSpecial: parseSpecial)
            #expect(tokens.allSatisfy { $0 >= 0 && $0 < tokenizer.tokenCount }, "\(context())")
            var stream = TextDecoder(tokenizer, startsText: true)
            let text = tokens.map { stream.append($0) }.joined() + stream.flush()
            #expect(text == String(decoding: tokenizer.decode(tokens), as: UTF8.self), "\(context())")
        }
    }
    #expect(tokenizer.encode(bytes: [0xFF, 0xC3, 0x28, 0xE2, 0x96], parseSpecial: true).tokens.count <= 200)
    #expect(tokenizer.bytes(of: -1).isEmpty && tokenizer.bytes(of: .max).isEmpty)
}

/// - Returns: whether the file was accepted.
private func survive(_ context: @autoclosure () -> String, _ read: () throws -> Tokenizer) -> Bool {
    do {
        use(try read(), context())
        return true
    } catch let error as TokenizerError {
        #expect(error.isOfContent, "\(context()): \(error)")
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 }, "\(context())")
    } catch let error as FormatError {
        #expect(error.isOfContent, "\(context()): \(error)")
    } catch {
        Issue.record(error, "\(context())")
    }
    return false
}

@Suite("Tokenizer readers survive mutations")
struct TokenizerMutationTests {
    @Test("Changed bytes of a small tokenizer.json", arguments: [false, true], 0..<3)
    func smallJSON(isSentencePiece: Bool, part: UInt64) throws {
        let json = isSentencePiece ? TokenizerJSON.sentencePiece : TokenizerJSON()
        let original = Array(json.text.utf8)
        var mutation = Mutation(seed: 500 + part)
        var accepted = 0
        for round in 0..<2000 {
            let bytes = mutation.apply(to: original)
            let isAccepted = survive("part \(part), round \(round)") {
                Tokenizer(
                    try TokenizerDefinition(
                        tokenizer: JSONValue(parsing: bytes, path: "tokenizer.json"), configuration: nil,
                        file: "tokenizer.json"))
            }
            if isAccepted { accepted += 1 }
        }
        #expect(accepted > 0)
    }

    @Test("Values of tokenizer.json replaced by others", arguments: TokenizerFixtures.names)
    func values(name: String) throws {
        let original = try TokenizerFixtures.json("Tokenizers/\(name).tokenizer.json")
        var mutation = ValueMutation(seed: 600)
        var accepted = 0
        for round in 0..<60 {
            let json = mutation.apply(to: original)
            let isAccepted = survive("\(name), round \(round)") {
                Tokenizer(
                    try TokenizerDefinition(
                        tokenizer: json, configuration: original, generation: json, file: "tokenizer.json"))
            }
            if isAccepted { accepted += 1 }
        }
        #expect(accepted > 0)
    }

    @Test("Values of single components replaced by others", arguments: TokenizerComponentTests.cases)
    func components(item: TokenizerComponentTests.Case) throws {
        let original = try #require(try item.json().object)
        var mutation = ValueMutation(seed: 800)
        var accepted = 0
        for round in 0..<60 {
            // One component at a time, and the vocabulary stays.
            let members = original.enumerated().map { index, member in
                let isChanged = index == round % original.count && !(member.key == "model")
                return (member.key, isChanged ? mutation.apply(to: member.value) : member.value)
            }
            let isAccepted = survive("\(item.name), round \(round)") {
                Tokenizer(
                    try TokenizerDefinition(
                        tokenizer: .object(JSONObject(members)), configuration: nil, file: "tokenizer.json"))
            }
            if isAccepted { accepted += 1 }
        }
        #expect(accepted > 0)
    }

    @Test("Tokenizer metadata of a GGUF file", arguments: 0..<3)
    func gguf(part: UInt64) throws {
        var image = ToyModelFile(type: .f16).gguf()
        image.tensors = []
        let original = image.bytes
        var mutation = Mutation(seed: 700 + part)
        var accepted = 0
        for round in 0..<1000 {
            let bytes = mutation.apply(to: original)
            let isAccepted = survive("part \(part), round \(round)") {
                Tokenizer(try TokenizerDefinition(try ggufFile(bytes)))
            }
            if isAccepted { accepted += 1 }
        }
        #expect(accepted > 0)
    }
}

/// Seeded changes of parsed JSON: members and elements replaced, dropped, doubled and swapped, at any depth.
struct ValueMutation {
    private var random: SeededRandom
    private static let replacements: [JSONValue] = [
        .null, .bool(true), .bool(false), .integer(-1), .integer(0), .integer(3), .integer(.max), .string(""),
        .string("a"), .string("▁"), .string("\u{0}"), .string("Sequence"), .string("ByteLevel"), .array([]),
        .object([:]), .double(0.5),
    ]

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func apply(to value: JSONValue) -> JSONValue {
        switch value {
        case .object(let object) where !object.isEmpty:
            let index = Int.random(in: 0..<object.count, using: &random)
            var members = object.map { ($0.key, $0.value) }
            switch Int.random(in: 0..<12, using: &random) {
            case 0: members.remove(at: index)
            case 1: members[index].1 = replacement
            case 2:
                let other = Int.random(in: 0..<members.count, using: &random)
                (members[index].1, members[other].1) = (members[other].1, members[index].1)
            default: members[index].1 = apply(to: members[index].1)
            }
            return .object(JSONObject(members))
        case .array(var array) where !array.isEmpty:
            let index = Int.random(in: 0..<array.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: array.remove(at: index)
            case 1: array.insert(array[index], at: 0)
            case 2: array[index] = replacement
            case 3: array.swapAt(index, 0)
            default: array[index] = apply(to: array[index])
            }
            return .array(array)
        default: return replacement
        }
    }

    private var replacement: JSONValue {
        mutating get { Self.replacements.randomElement(using: &random) ?? .null }
    }
}
