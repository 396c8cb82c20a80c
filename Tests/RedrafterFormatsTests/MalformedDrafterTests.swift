import BundledDrafters
import DrafterHeads
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

/// A tensor of a file under test.
private struct Part: Sendable {
    var name: String
    var shape: [Int]
    var dtype = "F32"
    var data: [UInt8]?

    func append(to image: inout SafetensorsImage) {
        let size = ["F32": 4, "F16": 2, "I64": 8, "F64": 8][dtype] ?? 4
        image.append(
            name, dtype: dtype, shape: shape,
            data: data ?? [UInt8](repeating: 0, count: shape.reduce(1, *) * size))
    }
}

private func put(_ bytes: [UInt8], at path: String) throws {
    let file = try AtomicFile(path: path)
    try file.write(bytes)
    try file.commit()
}

private func content(of path: String) throws -> [UInt8] {
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) { [UInt8](file.bytes) }
}

private func int64s(_ values: [Int64]) -> [UInt8] { values.flatMap { GGUFImage.encode($0) } }

/// Reads a safetensors file of these parts with this `config.json`.
private func read(_ parts: [Part], _ configuration: String? = nil) throws -> DrafterWeights {
    var image = SafetensorsImage()
    for part in parts { part.append(to: &image) }
    return try openDrafter(image.bytes, configuration)
}

/// Opens a drafter's file of these bytes, GGUF or safetensors.
func openDrafter(_ bytes: [UInt8], _ configuration: String? = nil) throws -> DrafterWeights {
    let json = try configuration.map { try JSONValue(parsing: $0.utf8, path: "config.json") }
    let file = try bytes.withUnsafeBytes { try MappedFile(copying: $0, path: "drafter") }
    return try DrafterWeights(file: file, configuration: json)
}

private func apple(
    hidden: Int = 8, exit: Int = 12, vocabulary: Int = 10, heads: String = "lm_head",
    projection: String = "input_proj"
) -> [Part] {
    [
        Part(name: "rnn_u.weight", shape: [hidden, hidden]), Part(name: "rnn_u.bias", shape: [hidden]),
        Part(name: "rnn_w.weight", shape: [hidden, hidden]),
        Part(name: "\(projection).weight", shape: [exit, 2 * hidden]),
        Part(name: "\(projection).bias", shape: [exit]),
        Part(name: "\(heads).0.linear.weight", shape: [exit, exit]),
        Part(name: "\(heads).0.linear.bias", shape: [exit]),
        Part(name: "\(heads).1.weight", shape: [vocabulary, exit]),
    ]
}

private func medusa(heads: Int = 2, prefix: String = "") -> [Part] {
    (0..<heads).flatMap { head in
        [
            Part(name: "\(prefix)\(head).0.linear.weight", shape: [8, 8]),
            Part(name: "\(prefix)\(head).0.linear.bias", shape: [8]),
            Part(name: "\(prefix)\(head).1.weight", shape: [10, 8]),
        ]
    }
}

private func vllm(heads: Int = 2, rows: Int = 10, hasBias: Bool = true) -> [Part] {
    (0..<heads).flatMap { head in
        [Part(name: "blocks.\(head).layers.0.weight", shape: [8, 8])]
            + (hasBias ? [Part(name: "blocks.\(head).layers.0.bias", shape: [8])] : [])
            + [Part(name: "lm_heads.\(head).weight", shape: [rows, 8])]
    }
}

@Suite("Spellings of drafters")
struct DrafterSpellingTests {
    @Test(
        "the three spellings that TensorRT-LLM takes are one drafter",
        arguments: [("lm_head", "input_proj"), ("lm_heads", "input_projs"), ("0", "input_proj")])
    func tensorRT(heads: String, projection: String) throws {
        let weights = try read(
            apple(heads: heads, projection: projection),
            #"{"vocab_size":10,"hidden_size":8,"exit_dim":12,"num_draft_layers":1,"rnn":true}"#)
        #expect(weights.configuration.kind == .recurrent && weights.recurrent?.exitDimension == 12)
        #expect(weights.tensor(named: "lm_head.1.weight") != nil)
    }

    @Test("what only a configuration tells: a recurrent drafter in Medusa's names")
    func ambiguous() throws {
        let parts =
            [Part(name: "0.0.linear.weight", shape: [16, 16]), Part(name: "0.0.linear.bias", shape: [16])]
            + [Part(name: "0.1.weight", shape: [10, 16])]
        #expect(try read(parts).configuration.kind == .medusa)
        let recurrent = try read(parts, #"{"exit_dim":16,"hidden_size":8,"num_draft_layers":1,"rnn":false}"#)
        #expect(recurrent.configuration.kind == .recurrent && recurrent.configuration.hiddenSize == 8)
    }

    @Test(
        "Medusa's heads are counted, whatever the configuration says",
        arguments: ["", "medusa_head.", "medusa_heads."])
    func heads(prefix: String) throws {
        let weights = try read(
            medusa(heads: 4, prefix: prefix), #"{"medusa_num_heads":2,"medusa_num_layers":1}"#)
        #expect(weights.medusa?.heads == 4 && weights.medusa?.layers == 1)
        #expect(weights[.output(head: 3)].name == "3.1.weight")
    }

    @Test(
        "vLLM's blocks without bias, shared head, token map over a whole head, and a map that is not in force"
    )
    func vllmForms() throws {
        let bare = try read(vllm(hasBias: false))
        #expect(bare[.blockBias(head: 1, layer: 0)].values == [Float](repeating: 0, count: 8))
        let shared = try read(
            vllm().filter { $0.name != "lm_heads.1.weight" },
            #"{"model_type":"medusa","original_lm_head":true}"#)
        #expect(shared[.output(head: 1)].content == shared[.output(head: 0)].content)
        var parts = vllm()
        for index in parts.indices where parts[index].name.hasPrefix("lm_heads") {
            parts[index].data = (0..<80).flatMap { GGUFImage.encode(Float($0).bitPattern) }
        }
        parts.append(Part(name: "token_map", shape: [2], dtype: "I64", data: int64s([7, 2])))
        let truncated = try read(
            parts, #"{"model_type":"medusa","vocab_size":10,"truncated_vocab_size":2}"#)
        #expect(truncated.draftVocabulary == [7, 2])
        #expect(
            truncated[.output(head: 1)].values == (56..<64).map { Float($0) } + (16..<24).map { Float($0) })
        #expect(try read(parts, #"{"model_type":"medusa","vocab_size":10}"#).draftVocabulary == nil)
    }

    @Test("tensors of the model beside the drafter's are left out, and it is said")
    func surplus() throws {
        let weights = try read(apple() + [Part(name: "llm.layers.0.weight", shape: [2, 2])])
        #expect(weights.warnings.count == 1 && weights.warnings[0].contains("llm.layers.0.weight"))
    }

    @Test("a model is no drafter, and its broken configuration is not looked at")
    func model() throws {
        let directory = TemporaryDirectory()
        var image = SafetensorsImage()
        Part(name: "model.embed_tokens.weight", shape: [4, 4]).append(to: &image)
        Part(name: "lm_head.weight", shape: [4, 4]).append(to: &image)
        try put(image.bytes, at: directory.file("model.safetensors"))
        try put(Array("{".utf8), at: directory.file("config.json"))
        #expect(try DrafterLayout.detect(path: directory.path) == nil)
        #expect(throws: FormatError.self) { try DrafterWeights(path: directory.path) }
    }
}

@Suite("Malformed drafters")
struct MalformedDrafterTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        fileprivate var parts: [Part]
        var configuration: String?
        var says: String
    }

    private static func changed(_ parts: [Part], _ name: String, _ change: (inout Part) -> Void) -> [Part] {
        parts.map { part in
            var part = part
            if part.name == name { change(&part) }
            return part
        }
    }

    static let cases: [Case] = [
        Case(testDescription: "no tensors", parts: [], says: "empty"),
        Case(
            testDescription: "a block without bias",
            parts: apple().filter { $0.name != "lm_head.0.linear.bias" },
            says: "lm_head.0.linear.bias"),
        Case(
            testDescription: "no head", parts: apple().filter { $0.name != "lm_head.1.weight" },
            says: "LM head"),
        Case(
            testDescription: "a head in the wrong place",
            parts: changed(apple(), "lm_head.1.weight") { $0.name = "lm_head.2.weight" }, says: "place 1"),
        Case(
            testDescription: "a gap in the blocks",
            parts: changed(apple(), "lm_head.0.linear.weight") { $0.name = "lm_head.1.linear.weight" },
            says: "place 2"),
        Case(
            testDescription: "a square that is none",
            parts: changed(apple(), "rnn_u.weight") { $0.shape = [8, 9] }, says: "rnn_u.weight"),
        Case(
            testDescription: "a bias of another size",
            parts: changed(apple(), "rnn_u.bias") { $0.shape = [7] },
            says: "[8]"),
        Case(
            testDescription: "a bias of two dimensions",
            parts: changed(apple(), "rnn_u.bias") { $0.shape = [8, 1] }, says: "one positive dimension"),
        Case(
            testDescription: "dimensions of zero",
            parts: changed(apple(), "lm_head.1.weight") { $0.shape = [0, 12] },
            says: "two positive dimensions"),
        Case(
            testDescription: "no rnn_w", parts: apple().filter { $0.name != "rnn_w.weight" },
            says: "rnn_w.weight"),
        Case(
            testDescription: "a projection that is not needed",
            parts: apple(exit: 16), says: "input_proj.weight"),
        Case(
            testDescription: "doubles", parts: changed(apple(), "rnn_w.weight") { $0.dtype = "F64" },
            says: "F64"),
        Case(
            testDescription: "two spellings of one part",
            parts: apple() + [Part(name: "input_projs.bias", shape: [12])], says: "another spelling"),
        Case(
            testDescription: "a head of Medusa that is missing",
            parts: medusa(heads: 3).filter { !$0.name.hasPrefix("1.") }, says: "1.0.linear.weight"),
        Case(
            testDescription: "head number 9999",
            parts: medusa() + [Part(name: "9999.1.weight", shape: [1, 8])],
            says: "at most 256"),
        Case(
            testDescription: "heads of different width",
            parts: changed(medusa(), "1.1.weight") { $0.shape = [11, 8] }, says: "[10, 8]"),
        Case(
            testDescription: "a token map of floats",
            parts: vllm() + [Part(name: "token_map", shape: [10], dtype: "F32")], says: "I64 or I32"),
        Case(
            testDescription: "a token map that repeats",
            parts: vllm(rows: 2) + [Part(name: "token_map", shape: [2], dtype: "I64", data: int64s([3, 3]))],
            says: "duplicate token of the draft vocabulary"),
        Case(
            testDescription: "a token map with negative tokens",
            parts: vllm(rows: 2) + [
                Part(name: "token_map", shape: [2], dtype: "I64", data: int64s([3, -3]))
            ],
            says: "-3"),
        Case(
            testDescription: "a token map beyond 32 bits",
            parts: vllm(rows: 2) + [
                Part(name: "token_map", shape: [2], dtype: "I64", data: int64s([3, 1 << 40]))
            ],
            says: "1099511627776"),
        Case(
            testDescription: "a token map beyond the head",
            parts: vllm() + [Part(name: "token_map", shape: [2], dtype: "I64", data: int64s([3, 10]))],
            configuration: #"{"model_type":"medusa","vocab_size":10,"truncated_vocab_size":2}"#,
            says: "below the 10"),
        Case(
            testDescription: "hidden_size of another drafter", parts: apple(),
            configuration: #"{"exit_dim":12,"hidden_size":9}"#,
            says: "hidden_size is 9"),
        Case(
            testDescription: "exit_dim that contradicts", parts: apple(), configuration: #"{"exit_dim":13}"#,
            says: "exit_dim is 13"),
        Case(
            testDescription: "vocab_size that contradicts", parts: apple(),
            configuration: #"{"exit_dim":12,"vocab_size":11}"#, says: "vocab_size is 11"),
        Case(
            testDescription: "num_draft_layers that contradicts", parts: apple(),
            configuration: #"{"num_draft_layers":3}"#, says: "num_draft_layers is 3"),
        Case(
            testDescription: "a size that is text", parts: apple(), configuration: #"{"exit_dim":"12"}"#,
            says: "exit_dim"),
        Case(
            testDescription: "rnn false beside rnn_u", parts: apple(),
            configuration: #"{"exit_dim":12,"rnn":false}"#, says: "rnn is false"),
        Case(
            testDescription: "a fingerprint without numbers", parts: apple(),
            configuration: #"{"redrafter":{"fingerprint":{"tokenizer":"ab"}}}"#, says: "vocab_size is absent"),
        Case(
            testDescription: "a fingerprint without tokenizer", parts: apple(),
            configuration: #"{"redrafter":{"fingerprint":{"tokenizer":7}}}"#, says: "a digest"),
        Case(
            testDescription: "a note that is a number", parts: apple(),
            configuration: #"{"redrafter":{"notes":{"a":1}}}"#, says: "a string"),
        Case(
            testDescription: "a note with an odd key", parts: apple(),
            configuration: #"{"redrafter":{"notes":{"A b":"c"}}}"#, says: "small letters"),
    ]

    @Test("each fault is named", arguments: cases)
    func fault(_ fault: Case) throws {
        let error = #expect(throws: FormatError.self) { try read(fault.parts, fault.configuration) }
        #expect(error?.description.contains(fault.says) == true, "\(String(describing: error))")
        #expect(error?.isOfContent == true)
    }

    @Test("PyTorch's own files are refused with the way out")
    func pyTorch() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("medusa_lm_head.pt")
        try put([0x50, 0x4B, 3, 4], at: path)
        for place in [path, directory.path] {
            let error = #expect(throws: FormatError.self) { try DrafterWeights(path: place) }
            #expect(error?.description.contains("safetensors.torch") == true)
        }
    }
}
