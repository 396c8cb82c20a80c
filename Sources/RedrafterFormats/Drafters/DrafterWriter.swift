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

    /// The layout for an output: GGUF for `*.gguf`, else the usual one of the kind.
    public static func layout(forOutput path: String, _ kind: DrafterKind) -> DrafterLayout {
        path.hasSuffix(".gguf") ? .gguf : kind.layouts.first ?? .gguf
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
        let kind = weights.configuration.kind
        guard layout.holds(kind) else {
            throw .unsupported(
                file: path, what: "a \(kind.name) drafter in the layout \(layout.name)",
                supported: (kind.layouts + [.gguf]).map(\.name).joined(separator: ", "))
        }
        let (weights, loss) = try weights.configuration.fitted(weights, in: layout)
        let types = Quantization.writableTypes.filter { layout == .gguf || $0.isFloat }
        if let type, !types.contains(type) {
            throw .cannotQuantize(
                type: type.name,
                supported: types.map(\.name).joined(separator: ", ") + " (\(layout.name))")
        }
        try refuseInput(weights, output: path)
        guard let format = kind.layouts.first(where: { $0 == layout })?.safetensors else {
            return try writeGGUF(weights, to: path, type)
        }
        var report = try writeFolder(weights, path, format, type)
        if let loss { report.warnings.append(loss) }
        return report
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
        let configuration = weights.configuration
        for (specification, tensor) in zip(configuration.tensors, weights.tensors) {
            plan.add(
                tensor, name: tensor.name, type: specification.role.isBias ? .f32 : type ?? tensor.type)
        }
        let writer = try GGUFWriter(path: path)
        try writer.set("general.architecture", .string(configuration.kind.architecture))
        try writer.set("general.type", .string("drafter"))
        for (key, value) in configuration.metadata { try writer.set(key, value) }
        if let vocabulary = weights.draftVocabulary {
            try writer.set(DrafterWeights.draftVocabularyKey, .integers(.int32, vocabulary.map { Int($0) }))
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
        _ weights: DrafterWeights, _ path: String, _ format: any SafetensorsLayout, _ type: WeightType?
    ) throws(FormatError) -> Report {
        for ending in [".safetensors", ".gguf", ".json"] where path.hasSuffix(ending) {
            throw .invalid(
                file: path, field: "the output", expected: "a folder for the layout \(format.name)",
                got: "a name that ends in \(ending)", offset: nil)
        }
        var (whole, loss) = (weights, String?.none)
        if weights.draftVocabulary != nil, format.draftVocabularyName == nil {
            (whole, loss) = try weights.configuration.wholeVocabulary(of: weights)
        }
        var plan = DrafterPlan(layout: DrafterLayout(format))
        for (specification, tensor) in zip(whole.configuration.tensors, whole.tensors) {
            plan.add(
                tensor, name: format.name(of: specification),
                type: type ?? (tensor.type.isFloat ? tensor.type : .f32))
        }
        try makeFolder(path, writing: format.fileName)
        let configurationPath = FilePath.join(path, DrafterSource.configurationName)
        let configuration = try AtomicFile(path: configurationPath)
        let json = try DrafterSettings.json(whole, format, plan.commonType)
        try configuration.write(json.encoded(isPretty: true) + [0x0A])

        let weightsPath = FilePath.join(path, format.fileName)
        let writer = SafetensorsWriter(path: weightsPath, metadata: [("format", "pt")])
        for item in plan.items {
            guard let stored = SafetensorsType(item.type) else { continue }
            try writer.declare(item.name, type: stored, shape: item.tensor.shape)
        }
        let map = whole.draftVocabulary
        if let map, let name = format.draftVocabularyName {
            try writer.declare(name, type: .i64, shape: [map.count])
        }
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
        if let loss { report.warnings.append(loss) }
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
