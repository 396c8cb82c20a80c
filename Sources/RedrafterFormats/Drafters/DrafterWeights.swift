import RedrafterCore

/// The families of drafters that have weights.
public enum DrafterKind: String, Sendable, Hashable, CaseIterable {
    /// A recurrent drafter (ReDrafter, arXiv 2403.09919).
    case recurrent
    /// Medusa heads (arXiv 2401.10774).
    case medusa
}

/// The numbers that give a drafter's tensors their shapes.
public struct DrafterConfiguration: Sendable, Hashable {
    public var kind: DrafterKind
    /// Size of the model's hidden state.
    public var hiddenSize: Int
    /// Size that blocks and head work on (`exit_dim`). A recurrent drafter has an input projection where it differs from
    /// `2 * hiddenSize`; for Medusa heads it is `hiddenSize`.
    public var exitDimension: Int
    /// Residual blocks before the LM head, in each head.
    public var layers: Int
    /// Heads of Medusa, one for each token that is drafted; 1 for a recurrent drafter.
    public var heads: Int
    /// Rows of the LM head: the draft vocabulary where there is one, else the model's.
    public var vocabularySize: Int
    /// Whether the state of a recurrent drafter is `SiLU(rnn_w E + rnn_u s + b)` (`rnn`); else it is a running sum of
    /// embeddings. False for Medusa heads.
    public var isRecurrent: Bool

    public init(
        kind: DrafterKind, hiddenSize: Int, exitDimension: Int, layers: Int, heads: Int = 1,
        vocabularySize: Int,
        isRecurrent: Bool
    ) {
        self.kind = kind
        self.hiddenSize = hiddenSize
        self.exitDimension = exitDimension
        self.layers = layers
        self.heads = heads
        self.vocabularySize = vocabularySize
        self.isRecurrent = isRecurrent
    }

    /// Whether `input_proj` stands between `[h, s]` and the blocks.
    public var hasInputProjection: Bool {
        kind == .recurrent && CheckedSize(hiddenSize) * 2 != CheckedSize(exitDimension)
    }
}

/// The weights of a drafter, checked: every tensor that the configuration asks for is there, has the shape it must have
/// and as many bytes as shape and type need.
///
/// Canonical names are those of the reference checkpoints, whatever file the weights came from:
///
/// | recurrent | shape |
/// |---|---|
/// | `rnn_u.weight`, `rnn_u.bias` | `[hidden, hidden]`, `[hidden]`; where `isRecurrent` |
/// | `rnn_w.weight` | `[hidden, hidden]`; where `isRecurrent` |
/// | `input_proj.weight`, `input_proj.bias` | `[exit, 2 hidden]`, `[exit]`; where `exit ≠ 2 hidden` |
/// | `lm_head.{i}.linear.weight`, `.bias` | `[exit, exit]`, `[exit]`, for block i of n |
/// | `lm_head.{n}.weight` | `[vocabulary, exit]` |
///
/// | medusa, head k | shape |
/// |---|---|
/// | `{k}.{j}.linear.weight`, `.bias` | `[hidden, hidden]`, `[hidden]`, for block j of n |
/// | `{k}.{n}.weight` | `[vocabulary, hidden]` |
///
/// Matrices have any `WeightType`, biases a float type.
public struct DrafterWeights: Sendable {
    /// The file or directory they came from, for errors.
    public let path: String
    public let configuration: DrafterConfiguration
    /// In the order of `DrafterConfiguration.roles`.
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
        path: String, configuration: DrafterConfiguration, tensors: [DrafterTensor],
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
            uniqueKeysWithValues: configuration.roles.enumerated().map { ($0.element, $0.offset) })
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
        DrafterRole(canonicalName: name, kind: configuration.kind, layers: configuration.layers)
            .flatMap { index[$0] }.map { tensors[$0] }
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
