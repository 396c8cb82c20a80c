/// What a tensor is for in a drafter: a word that its kind chooses, and numbers where there are several such tensors.
///
///     extension DrafterRole {
///         static let state = DrafterRole("state")
///         static func block(head: Int, layer: Int) -> DrafterRole { DrafterRole("block", head, layer) }
///     }
public struct DrafterRole: Sendable, Hashable {
    public let name: String
    /// Such as head and layer.
    public let indices: [Int]
    /// Whether it is a vector, which stays in a float type and is not decayed in training.
    public let isBias: Bool

    public init(_ name: String, _ indices: Int..., isBias: Bool = false) {
        self.name = name
        self.indices = indices
        self.isBias = isBias
    }
}

/// One tensor that a drafter must have.
public struct TensorSpecification: Sendable, Hashable {
    public let role: DrafterRole
    /// The canonical name: that in `DrafterWeights` and in GGUF files.
    public let name: String
    /// Dimensions, slowest first: `[rows, columns]` of a matrix, `[rows]` of a bias.
    public let shape: [Int]

    public init(_ role: DrafterRole, _ name: String, shape: [Int]) {
        self.role = role
        self.name = name
        self.shape = shape
    }
}

/// One of the numbers that give a drafter's tensors their shapes, with its bounds.
public struct DrafterSize: Sendable, Hashable {
    /// What it is, for errors.
    public let what: String
    public let value: Int
    public let range: ClosedRange<Int>

    public init(_ what: String, _ value: Int, _ range: ClosedRange<Int>) {
        self.what = what
        self.value = value
        self.range = range
    }

    /// Bounds of a width. Far above every drafter; what is larger is damage.
    public static let widths = 1...1 << 20
    /// Bounds of a number of rows that stand for tokens.
    public static let vocabularies = 1...1 << 24
    /// Bounds of a number of parts, such as heads.
    public static let counts = 1...256
}
