import Foundation
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct ModelConverterTests {
    @Test(
        "Every type is written; values come back as near as the type allows",
        arguments: Quantization.writableTypes)
    func everyType(_ type: WeightType) throws {
        let folder = try TemporaryFolder()
        let original = try RandomGGUF(folder.path("in.gguf"))
        let output = folder.path("out.gguf")
        var steps = [(Int, Int)]()
        let report = try ModelConverter.convert(input: original.path, output: output, type: type) {
            steps.append(($0, $1))
        }
        let converted = try GGUFFile(path: output)
        #expect(converted.tensors.map(\.name) == original.file.tensors.map(\.name))
        #expect(report.tensors == converted.tensors.count)
        #expect(report.warnings.isEmpty)
        #expect(steps.last?.0 == report.weightBytes)
        #expect(steps.allSatisfy { $0.1 == report.weightBytes })
        for (before, after) in zip(original.file.tensors, converted.tensors) {
            #expect(after.shape == before.shape)
            #expect(after.type == (before.shape.count == 1 ? .f32 : type))
            #expect(floats(after) == reference(floats(before), after.type), "\(after.name)")
        }
        #expect(try ModelConfiguration(converted) == ModelConfiguration(original.file))
        _ = try ModelTensors(ModelConfiguration(converted), in: converted)
        #expect(try converted.metadata.integer("general.quantization_version") == 2)
        #expect(try converted.metadata.string("general.name") == "random")
        #expect(try converted.metadata.stringArray("tokenizer.ggml.tokens")?.count == 3)
    }

    @Test("A type converted to itself keeps every byte, and f16 goes to f32 and back")
    func identity() throws {
        let folder = try TemporaryFolder()
        let original = try RandomGGUF(folder.path("in.gguf"))
        for type in Quantization.writableTypes {
            try ModelConverter.convert(input: original.path, output: folder.path("a"), type: type)
            try ModelConverter.convert(input: folder.path("a"), output: folder.path("b"), type: type)
            #expect(try folder.bytes("a") == folder.bytes("b"), "\(type.name)")
        }
        try ModelConverter.convert(input: original.path, output: folder.path("half"), type: .f16)
        try ModelConverter.convert(input: folder.path("half"), output: folder.path("full"), type: .f32)
        try ModelConverter.convert(input: folder.path("full"), output: folder.path("again"), type: .f16)
        #expect(try folder.bytes("half") == folder.bytes("again"))
    }

    @Test("Rows that are no multiple of the block become f16, with a warning that names them")
    func fallback() throws {
        let folder = try TemporaryFolder()
        let original = try RandomGGUF(folder.path("in.gguf"), feedForward: 72)
        let report = try ModelConverter.convert(input: original.path, output: folder.path("out"), type: .q8_0)
        let converted = try GGUFFile(path: folder.path("out"))
        #expect(converted.tensor(named: "blk.0.ffn_down.weight")?.type == .f16)
        #expect(converted.tensor(named: "blk.0.ffn_up.weight")?.type == .q8_0)
        #expect(report.warnings.count == 1)
        #expect(report.warnings.first?.contains("blk.0.ffn_down.weight") == true)
    }

    @Test("Values that are not finite or do not fit are counted, and quantising again is said")
    func damage() throws {
        let folder = try TemporaryFolder()
        let original = try RandomGGUF(folder.path("in.gguf")) { name, values in
            if name == "blk.1.attn_v.weight" { values[3] = .nan }
            if name == "blk.1.attn_k.weight" { values[5] = 7e4 }
        }
        let report = try ModelConverter.convert(input: original.path, output: folder.path("half"), type: .f16)
        #expect(report.warnings.contains { $0.contains("1 weights are NaN") && $0.contains("blk.1.attn_v") })
        #expect(report.warnings.contains { $0.contains("1 weights exceed") && $0.contains("blk.1.attn_k") })
        try ModelConverter.convert(input: original.path, output: folder.path("small"), type: .q4_0)
        let again = try ModelConverter.convert(
            input: folder.path("small"), output: folder.path("other"), type: .q8_0)
        #expect(again.warnings.contains { $0.contains("q4_0") })
    }

    @Test("The output may not be the input, by whatever name")
    func sameFile() throws {
        let folder = try TemporaryFolder()
        let original = try RandomGGUF(folder.path("in.gguf"))
        let before = try folder.bytes("in.gguf")
        symlink(original.path, folder.path("link.gguf"))
        for output in [original.path, folder.path("link.gguf"), folder.path("./in.gguf")] {
            let error = #expect(throws: ModelError.self) {
                try ModelConverter.convert(input: original.path, output: output, type: .f16)
            }
            #expect(error == .outputIsInput(file: output))
        }
        #expect(try folder.bytes("in.gguf") == before)
    }

    @Test("A failed conversion leaves the old output, and says why")
    func failure() throws {
        let folder = try TemporaryFolder()
        let original = try RandomGGUF(folder.path("in.gguf"))
        try folder.write("out", [1, 2, 3])
        try folder.write("cut.gguf", folder.bytes("in.gguf").dropLast(100))
        #expect(throws: ModelError.self) {
            try ModelConverter.convert(input: folder.path("cut.gguf"), output: folder.path("out"), type: .f16)
        }
        let kind = #expect(throws: ModelError.self) {
            try ModelConverter.convert(input: original.path, output: folder.path("out"), type: .q4_K)
        }
        #expect(caseName(of: kind) == "format.cannotQuantize")
        #expect(kind?.description.contains("q8_0") == true)
        let missing = #expect(throws: ModelError.self) {
            try ModelConverter.convert(
                input: folder.path("none.gguf"), output: folder.path("out"), type: .f16)
        }
        #expect(caseName(of: missing) == "format.missing")
        #expect(try folder.bytes("out") == [1, 2, 3])
        #expect(try Set(folder.names) == ["in.gguf", "out", "cut.gguf"])
    }
}

/// The elements of a tensor.
func floats(_ view: TensorView) -> [Float] {
    var values = [Float](repeating: 0, count: view.shape.reduce(1, *))
    values.withUnsafeMutableBufferPointer {
        Quantization.dequantize(
            type: view.type,
            bytes: UnsafeRawBufferPointer(
                rebasing: view.file.bytes[view.offset..<view.offset + view.byteCount]),
            into: $0)
    }
    return values
}

/// What values become when they are stored in a type.
private func reference(_ values: [Float], _ type: WeightType) -> [Float] {
    var bytes = [UInt8](repeating: 0, count: type.rowBytes(columns: values.count) ?? 0)
    var result = values
    bytes.withUnsafeMutableBytes { bytes in
        values.withUnsafeBufferPointer { values in
            do { try Quantization.quantize(type: type, values: values, into: bytes) } catch {
                Issue.record(error)
            }
        }
        result.withUnsafeMutableBufferPointer {
            Quantization.dequantize(type: type, bytes: UnsafeRawBufferPointer(bytes), into: $0)
        }
    }
    return result
}

/// A folder that goes with the test.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("redrafter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(at: url) } catch { Issue.record(error) }
    }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: url.path) }
    }

    func path(_ name: String) -> String { url.path + "/" + name }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: url.appendingPathComponent(name)))
    }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
        try Data(bytes).write(to: url.appendingPathComponent(name))
    }

    func write(_ name: String, _ text: String) throws { try write(name, text.utf8) }
}

/// The tiny model with random weights in F32.
private struct RandomGGUF {
    let path: String
    let file: GGUFFile

    init(_ path: String, feedForward: Int = 64, change: (String, inout [Float]) -> Void = { _, _ in }) throws
    {
        var model = SmallGGUF()
        for index in model.shapes.indices {
            model.shapes[index].shape = model.shapes[index].shape.map { $0 == 64 ? feedForward : $0 }
        }
        model.values["llama.feed_forward_length"] = .uint32(UInt32(feedForward))
        model.values["general.name"] = .string("random")
        model.values["general.file_type"] = .uint32(0)
        model.values["tokenizer.ggml.model"] = .string("gpt2")
        model.values["tokenizer.ggml.pre"] = .string("smollm")
        model.values["tokenizer.ggml.merges"] = .strings([ByteSlice("a b")])
        model.values["tokenizer.ggml.tokens"] = .strings([ByteSlice("a"), ByteSlice("b"), ByteSlice("ab")])
        var random = SeededRandom(seed: 5)
        try model.write(to: path) { name, count in
            var values = (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
            change(name, &values)
            return values
        }
        self.path = path
        file = try GGUFFile(path: path)
    }
}
