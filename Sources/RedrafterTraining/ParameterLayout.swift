import RedrafterCore
import RedrafterFormats

/// Where each tensor of a drafter lies in one flat array of floats.
///
///     | rnn_u.weight … pad | rnn_u.bias pad | rnn_w.weight … | … | lm_head.2.weight … |
///     0                    offset of the second entry                                 count
///
/// In the order of `DrafterConfiguration.roles`; each entry begins on a cache line of an aligned array, what is between
/// entries is zero and stays zero.
public struct ParameterLayout: Sendable, Hashable {
    /// One tensor.
    public struct Entry: Sendable, Hashable {
        public let role: DrafterRole
        /// Its canonical name; see `DrafterWeights`.
        public let name: String
        /// Dimensions, slowest first.
        public let shape: [Int]
        /// The index of its first element.
        public let offset: Int
        /// Elements.
        public let count: Int
        public var range: Range<Int> { offset..<offset + count }
        /// Matrices are decayed by the optimiser, biases are not.
        public var isMatrix: Bool { !role.isBias }
    }

    public let configuration: DrafterConfiguration
    public let entries: [Entry]
    /// Elements of the flat array, those between entries included.
    public let count: Int
    private let index: [DrafterRole: Int]

    /// - Throws: `TrainingError.invalidConfiguration` where a size is not positive or the drafter is too large.
    public init(_ configuration: DrafterConfiguration) throws(TrainingError) {
        try Self.check(configuration)
        self.configuration = configuration
        var end = CheckedSize(0)
        var entries = [Entry]()
        for role in configuration.roles {
            let shape = configuration.shape(of: role)
            let size = CheckedSize(product: shape)
            guard let offset = end.value, let count = size.value else { break }
            entries.append(
                Entry(
                    role: role,
                    name: role.canonicalName(kind: configuration.kind, layers: configuration.layers),
                    shape: shape, offset: offset, count: count))
            end = (end + size).aligned(to: Self.alignment)
        }
        // Bytes must be countable too, and sizes of products must fit the library's 32 bits.
        guard let count = end.value, (end * 16).value != nil, configuration.vocabularySize <= Int32.max,
            configuration.exitDimension <= Int32.max
        else {
            throw .invalidConfiguration(what: "sizes", got: "\(configuration)", expected: "fewer parameters")
        }
        self.entries = entries
        self.count = count
        index = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($0.element.role, $0.offset) })
    }

    /// The entry of a role. The role must be one of the configuration's.
    public subscript(role: DrafterRole) -> Entry {
        guard let position = index[role] else {
            preconditionFailure("\(role) is no part of \(configuration)")
        }
        return entries[position]
    }

    /// Elements of all tensors.
    public var parameters: Int { entries.reduce(0) { $0 + $1.count } }

    private static let alignment = 16

    private static func check(_ configuration: DrafterConfiguration) throws(TrainingError) {
        let sizes = [
            ("hidden size", configuration.hiddenSize, 1), ("exit dimension", configuration.exitDimension, 1),
            ("vocabulary", configuration.vocabularySize, 1), ("heads", configuration.heads, 1),
            ("layers", configuration.layers, 0),
        ]
        for (what, got, least) in sizes where got < least || got > Int32.max {
            throw .invalidConfiguration(what: what, got: "\(got)", expected: "\(least)...\(Int32.max)")
        }
    }
}
