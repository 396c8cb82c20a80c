import RedrafterCore

/// The parts of a drafter in safetensors, found by the names of their layout: what a `SafetensorsLayout` makes weights of.
public struct DrafterParts: Sendable {
    /// What the `config.json` says.
    public let settings: DrafterSettings
    /// The tensors by role. A bias has one dimension, all others two, and none is zero.
    public private(set) var views = [DrafterRole: TensorView]()
    private var names = [DrafterRole: String]()
    private let model: SafetensorsModel
    private let layout: any SafetensorsLayout
    /// As given by the caller, for the weights.
    private let origin: String
    private var vocabulary: (info: SafetensorsFile.TensorInfo, file: MappedFile)?
    private var surplus = [String]()

    /// Sorts the tensors by their roles.
    /// - Throws: `FormatError` for parts that are there twice, of a rank they cannot have or of a type that is not read.
    init(
        _ model: SafetensorsModel, _ layout: any SafetensorsLayout, _ settings: DrafterSettings, path: String
    ) throws(FormatError) {
        self.model = model
        self.layout = layout
        self.settings = settings
        origin = path
        for file in model.files {
            for info in file.allTensors { try sort(info, in: file) }
        }
    }

    private mutating func sort(
        _ info: SafetensorsFile.TensorInfo, in file: SafetensorsFile
    ) throws(FormatError) {
        let name = layout.stripped(info.name)
        if name == layout.draftVocabularyName {
            guard vocabulary == nil else {
                throw .duplicate(file: file.path, what: "tensor", name: info.name, offset: nil)
            }
            vocabulary = (info, file.file)
            return
        }
        guard let role = layout.role(ofName: name) else {
            surplus.append(info.name)
            return
        }
        let view = try file.requiredTensor(named: info.name)
        let rank = role.isBias ? 1 : 2
        guard view.shape.count == rank, view.shape.allSatisfy({ $0 > 0 }) else {
            throw .invalid(
                file: file.path, field: "the shape of tensor \"\(info.name)\"",
                expected: rank == 1 ? "one positive dimension" : "two positive dimensions",
                got: "\(view.shape)", offset: nil)
        }
        guard views.updateValue(view, forKey: role) == nil else {
            throw .duplicate(
                file: file.path, what: "part of the drafter, in another spelling:", name: info.name,
                offset: nil)
        }
        names[role] = info.name
    }

    /// The file, for errors.
    public var path: String { model.path }

    /// The name of a part in the file; nil where it is absent.
    public func name(of role: DrafterRole) -> String? { names[role] }

    /// A part under its canonical name; nil where it is absent.
    public func tensor(_ specification: TensorSpecification) -> DrafterTensor? {
        views[specification.role].map { DrafterTensor(name: specification.name, $0) }
    }

    /// The error that a part is absent.
    public func missing(_ specification: TensorSpecification) -> FormatError {
        .missingField(
            file: path, field: "tensor \"\(layout.name(of: specification))\"",
            expected: "a weight of \(specification.shape)")
    }

    /// The tokens of the draft vocabulary; nil where the file has none.
    /// - Parameter isInForce: whether a vocabulary of so many tokens counts.
    /// - Throws: `FormatError.invalid` where the tensor holds anything but tokens.
    public func draftVocabulary(
        where isInForce: (_ count: Int) -> Bool = { _ in true }
    ) throws(FormatError) -> [Int32]? {
        guard let (info, file) = vocabulary else { return nil }
        guard info.type == .i64 || info.type == .i32, info.shape.count == 1,
            DrafterSize.vocabularies.contains(info.shape[0])
        else {
            throw .invalid(
                file: path, field: "tensor \"\(info.name)\"", expected: "I64 or I32 of one dimension",
                got: "\(info.type.rawValue) of \(info.shape)", offset: nil)
        }
        guard isInForce(info.shape[0]) else { return nil }
        let bytes = file.bytes(at: info.offset, count: info.byteCount)
        let numbers = (0..<info.shape[0]).map { index in
            info.type == .i64
                ? Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self)))
                : Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)))
        }
        return try DrafterWeights.tokens(numbers, file: path, field: "tensor \"\(info.name)\"")
    }

    /// Weights of these parts, with what the configuration says of their model and their origin.
    /// - Parameters:
    ///   - configuration: the sizes that the parts have.
    ///   - draftVocabulary: the token of each row.
    ///   - substitute: makes a part that is absent, or another form of one that is there; nil for the part as it is.
    /// - Throws: `FormatError` naming a part that is missing or has another shape.
    public func weights(
        _ configuration: some DrafterConfiguration, draftVocabulary: [Int32]? = nil,
        substitute: (TensorSpecification) throws(FormatError) -> DrafterTensor? = { _ in nil }
    ) throws(FormatError) -> DrafterWeights {
        try configuration.checkSizes(path: origin)
        var tensors = [DrafterTensor]()
        for specification in configuration.tensors {
            guard let tensor = try substitute(specification) ?? tensor(specification) else {
                throw missing(specification)
            }
            tensors.append(tensor)
        }
        var notes = settings.record.notes
        if draftVocabulary != nil, let size = try settings.size(DrafterNote.vocabularySizeKey),
            !notes.contains(where: { $0.key == DrafterNote.vocabularySizeKey })
        {
            notes.append(DrafterNote(DrafterNote.vocabularySizeKey, "\(size)"))
        }
        return try DrafterWeights(
            path: origin, configuration: configuration, tensors: tensors, draftVocabulary: draftVocabulary,
            fingerprint: settings.record.fingerprint, notes: notes, warnings: warnings(used: tensors.count))
    }

    private func warnings(used: Int) -> [String] {
        var warnings = model.warnings
        if !surplus.isEmpty {
            let shown = surplus.sorted().prefix(3).map { TerminalText.escaped($0, limit: 64) }
            warnings.append(
                "\(surplus.count) tensors are no part of a drafter and were left out: "
                    + shown.joined(separator: ", ") + (surplus.count > 3 ? ", …" : ""))
        }
        if views.count > used {
            warnings.append("\(views.count - used) tensors belong to parts that the drafter does not have")
        }
        return warnings
    }
}

extension DrafterNote {
    /// The vocabulary of the model, noted for drafters with a draft vocabulary and no fingerprint.
    static let vocabularySizeKey = "vocab_size"
}
