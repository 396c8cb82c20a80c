import CPUBackend
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform
import RedrafterTesting
import Testing
import VulkanBackend

/// A tiny model of each architecture against Hugging Face transformers in float32; make_architecture_fixtures.py made the
/// checkpoints, the logits, and by llama.cpp's converter the GGUF files.
@Suite struct ArchitectureTests {
    @Test(
        "Logits agree with transformers, from both forms of the weights, on the processor",
        arguments: Fixture.all)
    func processor(_ fixture: Fixture) throws {
        try check(fixture, on: CPUBackend())
    }

    @Test("Logits agree with transformers on the reference backend", arguments: Fixture.all)
    func reference(_ fixture: Fixture) throws {
        try check(fixture, on: ReferenceBackend())
    }

    @Test(
        "Logits agree with transformers on Vulkan", .enabled(if: hasVulkanDevice), arguments: Fixture.all)
    func vulkan(_ fixture: Fixture) throws {
        try check(fixture, on: sharedVulkan.get())
    }

    @Test("A converted checkpoint gives the same logits as the checkpoint", arguments: Fixture.all)
    func conversion(_ fixture: Fixture) throws {
        let folder = TemporaryDirectory()
        let output = folder.file("model.gguf")
        try ModelConverter.convert(input: fixture.complete(in: folder), output: output, type: .f32)
        let backend = try CPUBackend()
        let file = try GGUFFile(path: output)
        let configuration = try ModelConfiguration(file)
        let got = try fixture.logits(
            configuration, ModelTensors(configuration, in: file).source, chunk: 64, on: backend)
        let (before, tensors) = try fixture.checkpoint()
        let expected = try fixture.logits(before, tensors.source, chunk: 64, on: backend)
        #expect(fixture.difference(got, expected) <= 5e-5)
        // Windows included, also those that llama.cpp's converter does not write.
        #expect(fixture.difference(got, fixture.halved) <= 8e-5)
    }

    @Test(
        "Layers without positions at other places than the family's survive a conversion, which warns of them"
    )
    func positionlessLayers() throws {
        let fixture = Fixture("smollm3")
        let folder = TemporaryDirectory()
        let path = try fixture.complete(in: folder)
        let json = try JSONValue(path: folder.file("config.json")).text()
        let changed = json.replacing(#""no_rope_layers":[1,1,1,0]"#, with: #""no_rope_layers":[1,0,1,1]"#)
        #expect(changed != json)
        unlink(folder.file("config.json"))
        try ToyModelFile.write(Array(changed.utf8), to: folder.file("config.json"))
        let report = try ModelConverter.convert(input: path, output: folder.file("out.gguf"), type: .f32)
        #expect(report.warnings.contains { $0.contains("every fourth") }, "\(report.warnings)")
        let configuration = try ModelConfiguration(GGUFFile(path: folder.file("out.gguf")))
        #expect(configuration.layerKinds.map(\.positions) == [.rotary, .none, .rotary, .rotary])
    }

    @Test("Parts of YaRN that GGUF has no keys for survive a conversion as divisors")
    func yarn() throws {
        let fixture = Fixture("llama-yarn")
        let folder = TemporaryDirectory()
        let path = try fixture.complete(in: folder)
        let json = try JSONValue(path: folder.file("config.json")).text()
        let changed = json.replacing(
            #""rope_type":"yarn""#, with: #""rope_type":"yarn","truncate":false,"attention_factor":1.5"#)
        #expect(changed != json)
        unlink(folder.file("config.json"))
        try ToyModelFile.write(Array(changed.utf8), to: folder.file("config.json"))
        try ModelConverter.convert(input: path, output: folder.file("out.gguf"), type: .f32)
        let before = try ModelConfiguration(
            huggingFace: JSONValue(path: folder.file("config.json")), path: "config.json")
        let after = try ModelConfiguration(GGUFFile(path: folder.file("out.gguf")))
        #expect(after.rotaryFactor == 1.5)
        let pairs = zip(before.rotaryFrequencies, after.rotaryFrequencies)
        #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-6 * $0 })
    }

    @Test("A head beside a configuration that ties it is the head, unless it is the embedding again")
    func untiedHead() throws {
        for (name, isTied) in [("llama", false), ("qwen3", true)] {
            let fixture = Fixture(name)
            let model = try SafetensorsModel(path: fixture.path)
            let json = try JSONValue(path: fixture.path + "/config.json").text()
                .replacing(#""tie_word_embeddings":false"#, with: #""tie_word_embeddings":true"#)
            let configuration = try ModelConfiguration(
                huggingFace: JSONValue(parsing: json.utf8, path: "config.json"), path: "config.json",
                tensors: model)
            #expect(configuration.tiedEmbeddings == isTied, "\(name)")
        }
    }

    @Test("The bits do not depend on chunks, kernels and threads", arguments: Fixture.all)
    func sameBits(_ fixture: Fixture) throws {
        let (configuration, tensors) = try fixture.checkpoint()
        func bits(_ chunk: Int, kernels: String?, threads: Int) throws -> [UInt32] {
            let backend = try CPUBackend(options: CPUBackend.Options(threads: threads, kernels: kernels))
            return try fixture.logits(configuration, tensors.source, chunk: chunk, on: backend).map(
                \.bitPattern)
        }
        let expected = try bits(64, kernels: "portable", threads: 1)
        for kernels in CPUBackend.availableKernels {
            for (chunk, threads) in [(1, 2), (7, 1), (64, 3)] {
                #expect(
                    try bits(chunk, kernels: kernels, threads: threads) == expected,
                    "\(kernels), chunks of \(chunk), \(threads) threads")
            }
        }
    }

    @Test("Speculation changes no token, within the window and beyond it", arguments: Fixture.all)
    func speculation(_ fixture: Fixture) throws {
        try checkSpeculation(fixture, ModelOptions(contextLength: 128))
    }

    @Test(
        "Speculation changes no token on Vulkan, within the window and beyond it",
        .enabled(if: hasVulkanDevice),
        arguments: Fixture.all)
    func speculationOnVulkan(_ fixture: Fixture) throws {
        var options = ModelOptions(contextLength: 128, backend: "vulkan")
        options.registry = .sharingVulkan
        try checkSpeculation(fixture, options)
    }

    private func checkSpeculation(_ fixture: Fixture, _ options: ModelOptions) throws {
        let folder = TemporaryDirectory()
        let model = try Model.load(path: try fixture.complete(in: folder), options: options)
        var drafted = 0
        for temperature in [Float(0), 1] {
            let answers = try ["none", "lookup"].map { drafter in
                var speculation = SpeculationOptions(drafter: drafter)
                speculation.tree = "most-probable"
                var parameters = GenerationParameters(maximumTokens: 90)
                (parameters.sampling.temperature, parameters.sampling.seed) = (temperature, 3)
                return try TextGenerator(model, speculation: speculation)
                    .generate(Array(fixture.tokens.prefix(30)), parameters)
            }
            #expect(answers[0].tokens == answers[1].tokens, "temperature \(temperature)")
            drafted += answers[1].speculation.draftTokens
        }
        #expect(drafted > 0)
    }

    private func check(_ fixture: Fixture, on backend: any ComputeBackend) throws {
        let (configuration, tensors) = try fixture.checkpoint()
        let file = try GGUFFile(path: fixture.path + "/model.gguf")
        let other = try ModelConfiguration(file)
        let forms = [
            ("safetensors", configuration, tensors.source),
            ("GGUF", other, try ModelTensors(other, in: file).source),
        ]
        for (form, configuration, source) in forms {
            let got = try fixture.logits(configuration, source, chunk: 64, on: backend)
            // The converter of llama.cpp does not write these windows.
            let isWindowLost = ["mistral", "qwen2"].contains(fixture.name) && form == "GGUF"
            let rows = isWindowLost ? 20 : fixture.tokens.count
            let difference = fixture.difference(got, fixture.expected, rows: rows)
            // Nearly all of it is the cache's half precision; norms behind the branches raise what is left of small values.
            let allowed: Float = fixture.name == "olmo2" ? 3e-4 : 2e-4
            #expect(difference <= allowed, "\(form): \(difference) of the spread")
            let rounding = fixture.difference(got, fixture.halved, rows: rows)
            #expect(rounding <= 4e-5, "\(form): \(rounding) of the spread, with a cache of half precision")
            for row in 0..<rows {
                #expect(
                    fixture.top(got, row) == fixture.top(fixture.expected, row), "\(form), position \(row)")
            }
        }
    }
}

/// One of the models.
struct Fixture: Sendable, CustomTestStringConvertible {
    let name: String
    let tokens: [Int32]
    let vocabulary: Int
    /// What transformers gave in float32. `[tokens, vocabulary]`
    let expected: [Float]
    /// The same with keys and values rounded to half precision, as a cache holds them. `[tokens, vocabulary]`
    let halved: [Float]

    static let folder = #filePath.replacing("ArchitectureTests.swift", with: "Fixtures/Architectures/")
    static let all = [
        "llama", "llama-linear", "llama-yarn", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "phi3",
        "phi3-longrope", "smollm3", "granite", "olmo2",
    ].map(Fixture.init)

    var path: String { Self.folder + name }
    var testDescription: String { name }

    init(_ name: String) {
        self.name = name
        guard let json = try? JSONValue(path: Self.folder + name + "/logits.json"),
            let expected = json["logits"]?.string.flatMap(decodedFloats),
            let halved = json["halved"]?.string.flatMap(decodedFloats)
        else { preconditionFailure("the fixture \(name) cannot be read") }
        tokens = (json["tokens"]?.array ?? []).compactMap { $0.integer.map(Int32.init) }
        vocabulary = json["vocabulary"]?.integer ?? 0
        (self.expected, self.halved) = (expected, halved)
        precondition(
            expected.count == tokens.count * vocabulary && tokens.count == 64, "\(name) is not whole")
    }

    func checkpoint() throws -> (ModelConfiguration, ModelTensors) {
        let model = try SafetensorsModel(path: path)
        let json = try JSONValue(path: path + "/config.json")
        let configuration = try ModelConfiguration(huggingFace: json, path: "config.json", tensors: model)
        return (
            configuration,
            try ModelTensors(configuration, inHuggingFace: model, configurationPath: "config.json")
        )
    }

    /// A copy of the checkpoint with the toy tokenizer, so that it can be used as a model.
    func complete(in folder: TemporaryDirectory) throws -> String {
        for file in ["config.json", "model.safetensors"] {
            guard symlink(path + "/" + file, folder.file(file)) == 0 else { throw Missing(file: file) }
        }
        let tokenizer = try AtomicFile(path: folder.file("tokenizer.json"))
        try tokenizer.write(Array(ToyTokenizer.json.utf8))
        try tokenizer.commit()
        return folder.path
    }

    struct Missing: Error { let file: String }

    /// Logits of all tokens. `[tokens, vocabulary]`
    func logits(
        _ configuration: ModelConfiguration, _ source: @escaping WeightSource, chunk: Int,
        on backend: any ComputeBackend
    ) throws -> [Float] {
        let weights = try TransformerWeights.load(configuration, from: source, on: backend)
        let transformer = try Transformer(
            configuration, weights: weights, contextLength: configuration.contextLength, on: backend)
        let runner = try PassRunner(transformer, prefillChunk: chunk)
        var logits = [Float]()
        for start in stride(from: 0, to: tokens.count, by: chunk) {
            let rows = Row.chain(tokens[start..<min(start + chunk, tokens.count)], from: start)
            let output = try runner.forward(rows, logitRows: Array(rows.indices))
            logits += try runner.stream.withValues(output.logits) { Array($0) }
            try runner.commit(Array(rows.indices))
        }
        return logits
    }

    /// The largest difference, as a part of the spread of what is expected.
    func difference(_ got: [Float], _ expected: [Float], rows: Int = 64) -> Float {
        guard got.count == expected.count else { return .infinity }
        let largest = zip(got, expected).prefix(rows * vocabulary).map { abs($0 - $1) }.reduce(0) {
            $0 >= $1 ? $0 : $1
        }
        return largest / ((expected.max() ?? 0) - (expected.min() ?? 0))
    }

    func top(_ logits: [Float], _ row: Int) -> Int? {
        let row = logits[row * vocabulary..<(row + 1) * vocabulary]
        return row.indices.max { row[$0] < row[$1] }.map { $0 - row.startIndex }
    }
}

/// Floats of a text in base 64; nil where it is none.
private func decodedFloats(_ text: String) -> [Float]? {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var (bits, count, bytes) = (UInt32(0), 0, [UInt8]())
    for character in text.utf8 where character != UInt8(ascii: "=") {
        guard let value = alphabet.firstIndex(of: character) else { return nil }
        bits = bits << 6 | UInt32(value)
        count += 6
        if count >= 8 {
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
    }
    return bytes.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
}
