import RedrafterCore
import RedrafterFormats

/// Where each tensor of a drafter lies in one flat array of floats.
///
///     | first.weight … pad | first.bias pad | second.weight … | … | last.weight … |
///     0                    offset of the second entry                                 count
///
/// In the order of `DrafterConfiguration.tensors`; each entry begins on a cache line of an aligned array, what is between
/// entries is zero and stays zero.
public struct ParameterLayout: Sendable {
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

    public let configuration: any DrafterConfiguration
    public let entries: [Entry]
    /// Elements of the flat array, those between entries included.
    public let count: Int
    private let index: [DrafterRole: Int]

    /// - Throws: `TrainingError.invalidConfiguration` where a size is not positive or the drafter is too large.
    public init(_ configuration: any DrafterConfiguration) throws(TrainingError) {
        for size in configuration.sizes where !size.range.contains(size.value) {
            throw .invalidConfiguration(
                what: size.what, got: "\(size.value)",
                expected: "\(size.range.lowerBound)...\(size.range.upperBound)")
        }
        self.configuration = configuration
        var end = CheckedSize(0)
        var entries = [Entry]()
        for tensor in configuration.tensors {
            let size = CheckedSize(product: tensor.shape)
            guard let offset = end.value, let count = size.value else { break }
            entries.append(
                Entry(
                    role: tensor.role, name: tensor.name, shape: tensor.shape, offset: offset, count: count))
            end = (end + size).aligned(to: Self.alignment)
        }
        // Bytes must be countable too, and sizes of products must fit the library's 32 bits.
        guard let count = end.value, (end * 16).value != nil,
            entries.allSatisfy({ $0.shape.allSatisfy { $0 <= Int32.max } })
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
}
