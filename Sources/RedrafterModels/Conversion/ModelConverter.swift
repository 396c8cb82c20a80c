import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// Rewrites a model as a GGUF file with weights of another type.
///
/// Reads GGUF files and Hugging Face checkpoints (safetensors, whole or in shards, with `config.json` and
/// `tokenizer.json`). Names, metadata and the order of rotary pairs are those of llama.cpp. Norms and biases stay F32.
/// Weights pass through memory in pieces of a few megabytes; the output appears complete or not at all.
public enum ModelConverter {
    /// What a conversion did.
    public struct Report: Sendable, Hashable {
        /// Tensors written.
        public var tensors: Int
        /// Bytes of weights in the output.
        public var weightBytes: Int
        /// What the caller should know: tensors that kept another type, values that are not finite, lost range.
        public var warnings: [String]
    }

    /// Converts the model at `input` (a GGUF file, a safetensors file or index, or a folder with one of these).
    /// - Parameters:
    ///   - input: a file or a folder.
    ///   - output: the GGUF file that is to appear, or be replaced.
    ///   - type: one of `Quantization.writableTypes`.
    ///   - progress: called after each piece with the bytes of weights written and their total.
    /// - Throws: `ModelError`; the output is what it was before then.
    @discardableResult
    public static func convert(
        input: String, output: String, type: WeightType,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(ModelError) -> Report {
        guard Quantization.writableTypes.contains(type) else {
            throw .format(
                .cannotQuantize(
                    type: type.name,
                    supported: Quantization.writableTypes.map(\.name).joined(separator: ", ")))
        }
        let source = try wrapping(ModelError.format, try ModelSource(path: input))
        for file in source.files where isSameFile(file, output) { throw .outputIsInput(file: output) }
        switch source {
        case .gguf(let gguf): return try convert(gguf, to: output, type, progress)
        case .huggingFace(let model): return try convert(model, to: output, type, progress)
        }
    }

    private static func convert(
        _ gguf: GGUFFile, to output: String, _ type: WeightType, _ progress: (Int, Int) -> Void
    ) throws(ModelError) -> Report {
        // Also what is not needed here must be sound: nobody wants to convert for an hour what cannot be loaded.
        let configuration = try ModelConfiguration(gguf)
        _ = try ModelTensors(configuration, in: gguf)
        let tokenizer = try wrapping(
            ModelError.tokenizer,
            try TokenizerDefinition(gguf, vocabularySize: configuration.vocabularySize))
        var plan = ConversionPlan(type: type)
        for tensor in gguf.allTensors {
            guard let view = gguf.tensor(named: tensor.name) else {
                throw .unsupported(
                    file: gguf.path, what: "tensor type \(tensor.type.name) of \(tensor.name)",
                    supported: ModelConfiguration.supportedTypes)
            }
            plan.add(name: tensor.name, view)
        }
        do {
            let writer = try GGUFWriter(path: output)
            let dropped = ["general.alignment", "general.file_type", "general.quantization_version"]
            for entry in gguf.metadata.entries
            where !dropped.contains(entry.key) && !entry.key.hasPrefix("split.")
                && !entry.key.hasPrefix("quantize.imatrix")
            {
                try writer.set(entry.key, .stored(entry.value))
            }
            try setFileType(writer, type)
            var report = try plan.write(to: writer, progress)
            report.warnings += tokenizer.warnings
            return report
        } catch {
            throw .format(error)
        }
    }

    private static func convert(
        _ model: SafetensorsModel, to output: String, _ type: WeightType, _ progress: (Int, Int) -> Void
    ) throws(ModelError) -> Report {
        let configurationPath = model.directory + "/config.json"
        let json = try wrapping(ModelError.format, try JSONValue(path: configurationPath))
        let configuration = try ModelConfiguration(huggingFace: json, path: configurationPath, tensors: model)
        let tensors = try ModelTensors(
            configuration, inHuggingFace: model, configurationPath: configurationPath)
        let tokenizer = try TokenizerMetadata(
            directory: model.directory, rows: configuration.vocabularySize, modelPath: model.path)
        var plan = ConversionPlan(type: type)
        for (name, view, role) in tensors.whole {
            plan.add(
                name: name, view, offset: tensors.offset(of: role),
                pairedHeads: configuration.pairedHeads(of: role))
        }
        for (name, divisors) in configuration.rotaryDivisors { plan.add(name: name, divisors) }
        do {
            let writer = try GGUFWriter(path: output)
            try writer.set(configuration, name: Self.name(of: model.directory))
            try tokenizer.set(on: writer)
            try setFileType(writer, type)
            var report = try plan.write(to: writer, progress)
            report.warnings += model.warnings + tokenizer.warnings
            if configuration.hasOwnPositionlessLayers {
                report.warnings.append(
                    "its layers without positions are not every fourth one; other programs than this one have no key for "
                        + "that, and compute other answers from the file")
            }
            return report
        } catch {
            throw .format(error)
        }
    }

    /// The number llama.cpp gives to files whose matrices have this type.
    private static func setFileType(_ writer: GGUFWriter, _ type: WeightType) throws(FormatError) {
        let number: UInt32 =
            switch type {
            case .f32: 0
            case .f16: 1
            case .q4_0: 2
            case .q4_1: 3
            case .q8_0: 7
            case .q5_0: 8
            case .q5_1: 9
            case .q4_K: 15
            case .q5_K: 17
            case .q6_K: 18
            case .bf16: 32
            }
        try writer.set("general.file_type", .uint32(number))
        try writer.set("general.quantization_version", .uint32(2))
    }

    private static func name(of directory: String) -> String {
        directory.split(separator: "/").last.map(String.init) ?? "model"
    }

    private static func isSameFile(_ a: String, _ b: String) -> Bool {
        var first = stat()
        var second = stat()
        guard stat(a, &first) == 0, stat(b, &second) == 0 else { return a == b }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }
}
