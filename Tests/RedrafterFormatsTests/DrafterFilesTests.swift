import BundledDrafters
import DrafterHeads
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

let drafterFixture = #filePath.replacing("DrafterFilesTests.swift", with: "Fixtures/drafters")

private let fingerprint = ModelFingerprint(
    tokenizer: "0123456789abcdef", vocabularySize: 300, hiddenSize: 32, layers: 2, heads: 4, keyValueHeads: 2,
    feedForwardSize: 64)

/// Writes, reads and compares; returns what was read.
@discardableResult
private func roundTrip(
    _ weights: DrafterWeights, _ layout: DrafterLayout, in directory: TemporaryDirectory, name: String
) throws -> DrafterWeights {
    let path = directory.file(layout == .gguf ? name + ".gguf" : name)
    let report = try DrafterWriter.write(weights, to: path, layout: layout)
    #expect(report.layout == layout)
    let found = try DrafterLayout.detect(path: path)
    // Without a projection the two spellings differ in the head alone, so they always differ.
    #expect(found == layout)
    return try DrafterWeights(path: path)
}

@Suite("Files of drafters")
struct DrafterFilesTests {
    @Test("the reference implementation's checkpoint is read")
    func reference() throws {
        let weights = try DrafterWeights(path: drafterFixture)
        #expect(
            weights.recurrent
                == RecurrentConfiguration(
                    hiddenSize: 32, exitDimension: 48, layers: 1, vocabularySize: 211, isRecurrent: true))
        #expect(try DrafterLayout.detect(path: drafterFixture) == .apple)
        #expect(weights[.inputProjection].shape == [48, 64])
        #expect(weights[.output(head: 0)].name == "lm_head.1.weight")
        #expect(weights.tensor(named: "rnn_u.bias")?.shape == [32])
        #expect(weights.tensor(named: "lm_head.0.weight") == nil)
        #expect(weights.fingerprint == nil && weights.draftVocabulary == nil && weights.warnings.isEmpty)
        #expect(
            try DrafterWeights(path: drafterFixture + "/model.safetensors").firstDifference(to: weights)
                == nil)
    }

    @Test("the reference checkpoint goes through every layout and back, bit for bit")
    func referenceRoundTrip() throws {
        let directory = TemporaryDirectory()
        let original = try DrafterWeights(path: drafterFixture)
        let gguf = try roundTrip(original, .gguf, in: directory, name: "a")
        let tensorRT = try roundTrip(gguf, .tensorRT, in: directory, name: "b")
        let apple = try roundTrip(tensorRT, .apple, in: directory, name: "c")
        for weights in [gguf, tensorRT, apple] { #expect(weights.firstDifference(to: original) == nil) }
    }

    @Test(
        "recurrent drafters of all shapes and float types keep every bit",
        arguments: [WeightType.f32, .f16, .bf16],
        [(48, 1, true), (64, 2, true), (64, 0, false), (32, 3, false)])
    func recurrent(type: WeightType, shape: (exit: Int, layers: Int, isRecurrent: Bool)) throws {
        let directory = TemporaryDirectory()
        var toy = ToyDrafter.recurrent(
            exit: shape.exit, layers: shape.layers, isRecurrent: shape.isRecurrent, type: type)
        toy.fingerprint = fingerprint
        toy.notes = [DrafterNote("base_model", "some/Model \"1\"")]
        let original = try toy.weights()
        for layout in [DrafterLayout.apple, .tensorRT] {
            let read = try roundTrip(original, layout, in: directory, name: layout.name)
            #expect(read.firstDifference(to: original) == nil)
            #expect(read.notes == original.notes)
        }
        // Biases are F32 in GGUF, which holds the values of the smaller types.
        let gguf = try roundTrip(original, .gguf, in: directory, name: "x")
        for (a, b) in zip(gguf.tensors, original.tensors) { #expect(a.values == b.values) }
        let back = directory.file("back")
        try DrafterWriter.write(gguf, to: back, layout: .apple, type: type)
        #expect(try DrafterWeights(path: back).firstDifference(to: original) == nil)
    }

    @Test(
        "Medusa heads go to vLLM, GGUF and back, bit for bit", arguments: [WeightType.f32, .f16, .bf16],
        [0, 1, 2])
    func medusa(type: WeightType, layers: Int) throws {
        let directory = TemporaryDirectory()
        var toy = ToyDrafter.medusa(layers: layers, type: type)
        toy.fingerprint = fingerprint
        let original = try toy.weights()
        let vllm = try roundTrip(original, .vllm, in: directory, name: "v")
        let medusa = try roundTrip(vllm, .medusa, in: directory, name: "m")
        for weights in [vllm, medusa] { #expect(weights.firstDifference(to: original) == nil) }
        let gguf = try roundTrip(medusa, .gguf, in: directory, name: "g")
        for (a, b) in zip(gguf.tensors, original.tensors) { #expect(a.values == b.values) }
    }

    @Test(
        "GGUF keeps quantised tensors, fingerprint, notes and draft vocabulary",
        arguments: [WeightType.q8_0, .q4_0, .q4_1, .q5_0, .q5_1])
    func quantised(type: WeightType) throws {
        let directory = TemporaryDirectory()
        let toys = [
            ToyDrafter.recurrent(type: type), ToyDrafter.medusa(type: type),
            ToyDrafter.recurrent(context: ToyDrafter.context(), type: type),
            ToyDrafter.recurrent(copyLengths: 8, type: type),
            ToyDrafter.recurrent(
                context: ToyDrafter.context(taps: [3, 9], normalizesTaps: false, attends: false, adds: true),
                type: type),
        ]
        for (index, var toy) in toys.enumerated() {
            toy.draftVocabulary = (0..<40).map { 299 - 7 * $0 }
            toy.fingerprint = fingerprint
            toy.notes = [DrafterNote("weights.sha256", "ab\u{1B}cd"), DrafterNote("training", "…")]
            let original = try toy.weights()
            let read = try roundTrip(original, .gguf, in: directory, name: "\(index)")
            #expect(read.firstDifference(to: original) == nil)
            #expect(read.notes == original.notes)
            #expect(read.token(ofRow: 1) == 292)
        }
        // Asking for the type gives the same bytes as quantising by hand.
        let float = try ToyDrafter.recurrent().weights()
        let path = directory.file("float.gguf")
        try DrafterWriter.write(float, to: path, layout: .gguf, type: type)
        #expect(
            try DrafterWeights(path: path).firstDifference(to: ToyDrafter.recurrent(type: type).weights())
                == nil)
    }

    @Test(
        "weights that are not finite are warned of, scales of quantised blocks included",
        arguments: WeightType.allCases.filter(Quantization.writableTypes.contains))
    func nonFinite(type: WeightType) throws {
        let good = try ToyDrafter.recurrent(type: type).weights(path: "a\u{1B}b")
        #expect(good.damage == nil)
        var tensors = good.tensors
        for index in tensors.indices where tensors[index].type == type {
            let tensor = tensors[index]
            var bytes = tensor.withBytes { [UInt8]($0) }
            for byte in 0..<tensor.type.blockBytes { bytes[byte] = 0xFF }
            tensors[index] = DrafterTensor(
                name: tensor.name, type: tensor.type, shape: tensor.shape, content: ByteSlice(bytes))
        }
        let damaged = try DrafterWeights(path: good.path, configuration: good.configuration, tensors: tensors)
        let damage = try #require(damaged.damage)
        #expect(damage.contains("NaN or infinity") && !damage.contains("\u{1B}"), "\(damage)")
        let directory = TemporaryDirectory()
        let path = directory.file("a.gguf")
        let report = try DrafterWriter.write(damaged, to: path, layout: .gguf)
        #expect(report.warnings.contains { $0.contains("NaN or infinite") }, "\(report.warnings)")
        let summary = try FileSummary(path: path, kinds: [.recurrent, .medusa])
        #expect(summary.warnings.contains { $0.contains("the drafter is damaged") })
    }

    @Test("a context block is refused by layouts without room for one, with what would be lost")
    func contextBlock() throws {
        let directory = TemporaryDirectory()
        let weights = try ToyDrafter.recurrent(context: ToyDrafter.context()).weights()
        #expect(weights.facts.contains { $0.value.contains("layers 0, 1") })
        for layout in [DrafterLayout.apple, .tensorRT] {
            let error = #expect(throws: FormatError.self) {
                try DrafterWriter.write(weights, to: directory.file("x"), layout: layout)
            }
            #expect(error?.description.contains("context block") == true)
            #expect(error?.description.contains("guess worse") == true)
            #expect(throws: FormatError.self) { try FileKind(directory.file("x")) }
        }
    }

    @Test("what a drafter copies is left out by layouts without room for it, and it is said")
    func copies() throws {
        let directory = TemporaryDirectory()
        let toy = ToyDrafter.recurrent(copyLengths: 8)
        let weights = try toy.weights()
        #expect(weights.facts.contains { $0.value.contains("1 to 8 tokens") })
        // The votes are the last tensors: the others have the same random values without them.
        let plain = try ToyDrafter.recurrent().weights()
        for layout in [DrafterLayout.apple, .tensorRT] {
            let path = directory.file(layout.name)
            let report = try DrafterWriter.write(weights, to: path, layout: layout)
            #expect(report.warnings.count == 1 && report.warnings[0].contains("copies from the text"))
            #expect(try DrafterWeights(path: path).firstDifference(to: plain) == nil)
        }
        let mapped = ToyDrafter.recurrent(vocabulary: 6, copyLengths: 3)
        var partial = mapped
        partial.draftVocabulary = [1, 5, 9, 200, 100, 7]
        partial.fingerprint = fingerprint
        let report = try DrafterWriter.write(
            partial.weights(), to: directory.file("partial"), layout: .apple)
        #expect(report.warnings.contains { $0.contains("copies from the text") })
    }

    @Test("rows that no block fits become F16, and it is said")
    func fallback() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("x.gguf")
        let weights = try ToyDrafter.recurrent(exit: 36, layers: 1).weights()
        let report = try DrafterWriter.write(weights, to: path, layout: .gguf, type: .q8_0)
        #expect(report.warnings.count == 1 && report.warnings[0].contains("f16"))
        let read = try DrafterWeights(path: path)
        #expect(read[.output(head: 0)].type == .f16 && read[.inputProjection].type == .q8_0)
    }

    @Test("values beyond half precision are counted")
    func damage() throws {
        let directory = TemporaryDirectory()
        let weights = try ToyDrafter.medusa(layers: 0, heads: 1, vocabulary: 2).weights()
        var values = weights[.output(head: 0)].values
        values[3] = 1e6
        values[4] = .nan
        let large = try DrafterWeights(
            path: "x", configuration: weights.configuration,
            tensors: [DrafterTensor(name: "0.0.weight", shape: [2, 32], values: values)])
        let report = try DrafterWriter.write(large, to: directory.file("m"), layout: .medusa, type: .f16)
        #expect(report.warnings.contains { $0.contains("1 weights are NaN") })
        #expect(report.warnings.contains { $0.contains("1 weights exceed") })
    }

    @Test("vLLM's token map becomes the draft vocabulary and back")
    func tokenMap() throws {
        let directory = TemporaryDirectory()
        var toy = ToyDrafter.medusa()
        toy.draftVocabulary = (0..<40).map { 3 * $0 }
        toy.fingerprint = fingerprint
        let original = try toy.weights()
        let read = try roundTrip(original, .vllm, in: directory, name: "v")
        #expect(read.firstDifference(to: original) == nil)
        toy.fingerprint = nil
        #expect(throws: FormatError.self) {
            try DrafterWriter.write(toy.weights(), to: directory.file("w"), layout: .vllm)
        }
    }

    @Test(
        "Medusa's own layout holds a draft vocabulary as rows of a whole head, the others zero, and says so")
    func wholeMedusa() throws {
        let directory = TemporaryDirectory()
        var toy = ToyDrafter.medusa()
        toy.draftVocabulary = (0..<40).map { 3 * $0 }
        toy.fingerprint = fingerprint
        let original = try toy.weights()
        let report = try DrafterWriter.write(original, to: directory.file("m"), layout: .medusa)
        #expect(report.warnings.contains { $0.contains("outside the draft vocabulary") })
        let read = try DrafterWeights(path: directory.file("m"))
        #expect(read.draftVocabulary == nil)
        #expect(read.configuration.vocabularySize == fingerprint.vocabularySize)
        let size = read.configuration.hiddenSize
        for head in 0..<(try #require(read.medusa).heads) {
            let (whole, part) = (read[.output(head: head)].values, original[.output(head: head)].values)
            for token in 0..<fingerprint.vocabularySize {
                let row = Array(whole[token * size..<(token + 1) * size])
                if token % 3 == 0, token < 120 {
                    #expect(row == Array(part[token / 3 * size..<(token / 3 + 1) * size]))
                } else {
                    #expect(row.allSatisfy { $0 == 0 })
                }
            }
        }
    }

    @Test(
        "a draft vocabulary goes into the reference layouts as a head over all tokens with the same probabilities"
    )
    func wholeVocabulary() throws {
        let directory = TemporaryDirectory()
        for (exit, type) in [(64, WeightType.f32), (48, .f32), (48, .q8_0), (64, .bf16)] {
            guard exit % type.blockLength == 0 || type.isFloat else { continue }
            var toy = ToyDrafter.recurrent(exit: exit, type: type)
            toy.draftVocabulary = (0..<40).map { 299 - 7 * $0 }
            toy.fingerprint = fingerprint
            let small = try toy.weights()
            let path = directory.file("apple-\(exit)-\(type.name)")
            try DrafterWriter.write(small, to: path, layout: .apple)
            let whole = try DrafterWeights(path: path)
            #expect(whole.configuration.vocabularySize == 300 && whole.draftVocabulary == nil)
            var random = SeededRandom(seed: 5)
            let input = (0..<64).map { _ in Float.random(in: -2...2, using: &random) }
            let few = try logits(small, input)
            let all = try logits(whole, input)
            for row in 0..<40 { #expect(all[Int(small.token(ofRow: row))] == few[row]) }
            #expect(all.filter { $0 < -9000 }.count == 260)
        }
    }

    /// Projection, blocks and head in plain loops.
    private func logits(_ weights: DrafterWeights, _ input: [Float]) throws -> [Float] {
        let configuration = try #require(weights.recurrent)
        func multiply(_ tensor: DrafterTensor, _ x: [Float]) -> [Float] {
            let values = tensor.values
            return (0..<tensor.rows).map { row in
                var sum: Float = 0
                for column in 0..<tensor.columns { sum += values[row * tensor.columns + column] * x[column] }
                return sum
            }
        }
        func add(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 + $1 } }
        var x = input
        if configuration.hasInputProjection {
            x = add(multiply(weights[.inputProjection], x), weights[.inputProjectionBias].values)
        }
        for layer in 0..<configuration.layers {
            let y = add(
                multiply(weights[.block(head: 0, layer: layer)], x),
                weights[.blockBias(head: 0, layer: layer)].values)
            x = add(x, y.map { $0 / (1 + exp(-$0)) })
        }
        return multiply(weights[.output(head: 0)], x)
    }

    @Test("a failed conversion leaves the folder as it was, and nothing is written over other weights")
    func nothingLost() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("d")
        let original = try ToyDrafter.medusa().weights()
        try DrafterWriter.write(original, to: path, layout: .vllm)
        var toy = ToyDrafter.medusa(heads: 2)
        toy.draftVocabulary = (0..<40).map { Int32($0) }
        // No size of the model's vocabulary: fails after the folder was opened.
        #expect(throws: FormatError.self) { try DrafterWriter.write(toy.weights(), to: path, layout: .vllm) }
        #expect(try DrafterWeights(path: path).firstDifference(to: original) == nil)
        let other = #expect(throws: FormatError.self) {
            try DrafterWriter.write(original, to: path, layout: .medusa)
        }
        #expect(other?.description.contains("model.safetensors") == true)
        let read = try DrafterWeights(path: path)
        let itself = #expect(throws: FormatError.self) {
            try DrafterWriter.write(read, to: path, layout: .vllm)
        }
        #expect(itself?.description.contains("read from there") == true)
    }

    @Test("inspect shows what a drafter is")
    func inspect() throws {
        let directory = TemporaryDirectory()
        var toy = ToyDrafter.recurrent(type: .q8_0)
        toy.fingerprint = fingerprint
        try DrafterWriter.write(toy.weights(), to: directory.file("x.gguf"), layout: .gguf)
        let summary = try FileSummary(path: directory.file("x.gguf"))
        #expect(summary.text().contains("tokenizer 0123456789abcdef"))
        #expect(summary.json()["drafter"]?["kind"]?.string == "recurrent")
        #expect(try FileSummary(path: drafterFixture).text().contains("not stated"))
    }
}
