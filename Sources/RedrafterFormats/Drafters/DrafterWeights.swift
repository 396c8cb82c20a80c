import RedrafterCore

/// The weights of a drafter, checked: every tensor that the configuration asks for is there, has the shape it must have
/// and as many bytes as shape and type need.
///
/// Tensors have canonical names, those of the kind's specification, whatever file they came from.
/// Matrices have any `WeightType`, biases a float type.
public struct DrafterWeights: Sendable {
    /// The file or directory they came from, for errors.
    public let path: String
    /// The numbers that the shapes follow from; of the type that its kind defines.
    public let configuration: any DrafterConfiguration
    /// In the order of `DrafterConfiguration.tensors`.
    public let tensors: [DrafterTensor]
    /// Token of each row of the LM head, without repetitions; nil where rows are tokens. `[vocabularySize]`
    public let draftVocabulary: [Int32]?
    /// The model it was trained for; nil where the file does not say.
    public var fingerprint: ModelFingerprint?
    /// What the file says about its origin: how it was trained, on what, the hash of the model's weights.
    public let notes: [DrafterNote]
    /// What is odd about the file but no error, one sentence each.
    public var warnings: [String]
    private let index: [DrafterRole: Int]

    /// Weights of these tensors, in any order, under canonical names.
    /// - Throws: `FormatError` naming the tensor that is missing, unknown or of a wrong shape, or the entry of the
    ///   draft vocabulary that is no token.
    public init(
        path: String, configuration: any DrafterConfiguration, tensors: [DrafterTensor],
        draftVocabulary: [Int32]? = nil, fingerprint: ModelFingerprint? = nil, notes: [DrafterNote] = [],
        warnings: [String] = []
    ) throws(FormatError) {
        let checker = DrafterChecker(path: path, configuration: configuration)
        self.tensors = try checker.ordered(tensors)
        try checker.check(draftVocabulary)
        try checker.check(notes)
        self.path = path
        self.configuration = configuration
        self.draftVocabulary = draftVocabulary
        self.fingerprint = fingerprint
        self.notes = notes
        self.warnings = warnings
        index = Dictionary(
            uniqueKeysWithValues: configuration.tensors.enumerated().map { ($0.element.role, $0.offset) })
    }

    /// The tensor of a role. The role must be one of the configuration's; that it is there was checked.
    public subscript(role: DrafterRole) -> DrafterTensor {
        guard let position = index[role] else {
            preconditionFailure("\(role) is no part of \(configuration)")
        }
        return tensors[position]
    }

    /// The tensor of a canonical name; nil where the drafter has none.
    public func tensor(named name: String) -> DrafterTensor? {
        tensors.first { $0.name == name }
    }

    /// The model's token of a row of the LM head.
    public func token(ofRow row: Int) -> Int32 { draftVocabulary?[row] ?? Int32(truncatingIfNeeded: row) }

    /// Bytes of all tensors.
    public var byteCount: Int { tensors.reduce(CheckedSize(0)) { $0 + $1.byteCount }.value ?? Int.max }

    /// Elements of all tensors.
    public var parameters: Int { tensors.reduce(CheckedSize(0)) { $0 + $1.elementCount }.value ?? Int.max }
}

/// One remark about the origin of a drafter.
public struct DrafterNote: Sendable, Hashable {
    /// A word of small letters, digits, dots, hyphens and underscores.
    public var key: String
    public var value: String

    public init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}
