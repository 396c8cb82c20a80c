import RedrafterCore
import RedrafterPlatform

/// Writes a drafter in any layout.
///
/// Every file appears complete or not at all. A folder gets the weights and a `config.json`; both are complete on the
/// disk before the first of them takes its name.
public enum DrafterWriter {
    /// What was written.
    public struct Report: Sendable, Hashable {
        public var layout: DrafterLayout
        /// Files, weights first.
        public var files: [String]
        public var tensors: Int
        /// Bytes of the tensors.
        public var weightBytes: Int
        /// What the caller should know: tensors of another type than asked for, lost range.
        public var warnings: [String]
    }

    /// The layout for an output: GGUF for `*.gguf`, else the reference layout of the kind.
    public static func layout(forOutput path: String, _ kind: DrafterKind) -> DrafterLayout {
        path.hasSuffix(".gguf") ? .gguf : DrafterLayout(reference: kind)
    }

    /// Writes `weights` to a GGUF file, or to a folder for the layouts in safetensors.
    /// - Parameters:
    ///   - weights: of a kind that the layout can hold.
    ///   - path: a file for GGUF, a folder for the other layouts.
    ///   - layout: how tensors are named and cut.
    ///   - type: of the matrices; nil keeps each type where the layout has it, and decodes to F32 where not.
    ///     Biases are F32 in GGUF and keep their type in safetensors unless another is asked for.
    /// - Throws: `FormatError.unsupported` for drafters the layout cannot hold, `.cannotQuantize` for types that are not
    ///   written, and what `AtomicFile` throws. The output is what it was before then.
    @discardableResult
    public static func write(
        _ weights: DrafterWeights, to path: String, layout: DrafterLayout, type: WeightType? = nil
    ) throws(FormatError) -> Report {
        guard layout.holds(weights.configuration.kind) else {
            let fitting = DrafterLayout.allCases.filter { $0.holds(weights.configuration.kind) }
            throw .unsupported(
                file: path,
                what: "a \(weights.configuration.kind.rawValue) drafter in the layout \(layout.rawValue)",
                supported: fitting.map(\.rawValue).joined(separator: ", "))
        }
        let types = Quantization.writableTypes.filter { layout == .gguf || $0.isFloat }
        if let type, !types.contains(type) {
            throw .cannotQuantize(
                type: type.name,
                supported: types.map(\.name).joined(separator: ", ") + " (\(layout.rawValue))")
        }
        try refuseInput(weights, output: path)
        if layout == .gguf { return try writeGGUF(weights, to: path, type) }
        return try writeFolder(weights, path, layout, type)
    }

    /// Weights that are read from the output would be lost to a lossy type.
    private static func refuseInput(_ weights: DrafterWeights, output: String) throws(FormatError) {
        guard let source = FilePath.resolved(weights.path), let target = FilePath.resolved(output) else {
            return
        }
        if source == target || FilePath.directory(of: source) == target {
            throw .cannotCreate(file: output, reason: "the drafter is read from there; choose another output")
        }
    }

    // MARK: GGUF

    private static func writeGGUF(
        _ weights: DrafterWeights, to path: String, _ type: WeightType?
    ) throws(FormatError) -> Report {
        var plan = DrafterPlan(layout: .gguf)
        for (role, tensor) in zip(weights.configuration.roles, weights.tensors) {
            plan.add(tensor, name: tensor.name, type: role.isBias ? .f32 : type ?? tensor.type)
        }
        let configuration = weights.configuration
        let writer = try GGUFWriter(path: path)
        try writer.set("general.architecture", .string(configuration.kind.architecture))
        try writer.set("general.type", .string("drafter"))
        let sizes = [
            (DrafterKey.hiddenSize, configuration.hiddenSize),
            (DrafterKey.exitDimension, configuration.exitDimension),
            (DrafterKey.layers, configuration.layers),
            (DrafterKey.heads, configuration.heads),
            (DrafterKey.vocabularySize, configuration.vocabularySize),
        ]
        for (key, size) in sizes { try writer.set(key, .uint32(UInt32(clamping: size))) }
        if configuration.kind == .recurrent {
            try writer.set(DrafterKey.isRecurrent, .bool(configuration.isRecurrent))
        }
        if let vocabulary = weights.draftVocabulary {
            try writer.set(DrafterKey.draftVocabulary, .integers(.int32, vocabulary.map { Int($0) }))
        }
        try DrafterRecord(fingerprint: weights.fingerprint, notes: weights.notes).set(on: writer)
        for item in plan.items { try writer.declare(item.name, type: item.type, shape: item.tensor.shape) }
        var damage = DrafterPlan.Damage()
        for item in plan.items {
            try item.write(&damage) { (bytes) throws(FormatError) in try writer.append(bytes) }
        }
        try writer.finish()
        return plan.report(files: [path], damage)
    }

    // MARK: Safetensors

    private static func writeFolder(
        _ weights: DrafterWeights, _ path: String, _ layout: DrafterLayout, _ type: WeightType?
    ) throws(FormatError) -> Report {
        for ending in [".safetensors", ".gguf", ".json"] where path.hasSuffix(ending) {
            throw .invalid(
                file: path, field: "the output", expected: "a folder for the layout \(layout.rawValue)",
                got: "a name that ends in \(ending)", offset: nil)
        }
        let whole = try WholeVocabulary.of(weights, for: layout)
        var plan = DrafterPlan(layout: layout)
        for (role, tensor) in zip(whole.configuration.roles, whole.tensors) {
            plan.add(
                tensor, name: layout.name(of: role, whole.configuration),
                type: type ?? (tensor.type.isFloat ? tensor.type : .f32))
        }
        let name = layout == .medusa ? "medusa_lm_head.safetensors" : SafetensorsModel.singleName
        try makeFolder(path, writing: name)
        let configurationPath = FilePath.join(path, DrafterSource.configurationName)
        let configuration = try AtomicFile(path: configurationPath)
        let json = try DrafterFileConfiguration.json(whole, layout, plan.commonType, output: path)
        try configuration.write(json.encoded(isPretty: true) + [0x0A])

        let weightsPath = FilePath.join(path, name)
        let writer = SafetensorsWriter(path: weightsPath, metadata: [("format", "pt")])
        for item in plan.items {
            guard let stored = SafetensorsType(item.type) else { continue }
            try writer.declare(item.name, type: stored, shape: item.tensor.shape)
        }
        let map = layout == .vllm ? whole.draftVocabulary : nil
        if let map { try writer.declare(SafetensorsDrafter.tokenMapName, type: .i64, shape: [map.count]) }
        var damage = DrafterPlan.Damage()
        for item in plan.items {
            try item.write(&damage) { (bytes) throws(FormatError) in try writer.append(bytes) }
        }
        if let map {
            var bytes = [UInt8]()
            for token in map {
                withUnsafeBytes(of: Int64(token).littleEndian) { bytes.append(contentsOf: $0) }
            }
            try writer.append(bytes)
        }
        try writer.finish()
        try configuration.commit()
        var report = plan.report(files: [weightsPath, configurationPath], damage)
        if layout == .medusa, weights.draftVocabulary != nil {
            report.warnings.append(WholeVocabulary.medusaWarning)
        }
        return report
    }

    /// Makes the folder where it does not exist. One that holds other weights would be read as those.
    private static func makeFolder(_ path: String, writing name: String) throws(FormatError) {
        guard mkdir(path, 0o777) != 0 else { return }
        let code = errno
        guard code == EEXIST else {
            throw .cannotCreate(file: path, reason: SystemError.text(code))
        }
        guard try FileKind(path) == .directory else {
            throw .cannotCreate(file: path, reason: "a file is in the place of the folder")
        }
        let others = try FilePath.names(in: path).filter {
            $0 != name
                && ($0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf") || $0 == SafetensorsModel.indexName)
        }
        if let other = others.first {
            throw .cannotCreate(
                file: FilePath.join(path, name),
                reason: "the folder holds \(TerminalText.escaped(other)) already")
        }
    }
}
