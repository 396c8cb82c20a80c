/// Keys and values of all layers and sequences, in the backend's own layout.
public protocol CacheStorage: AnyObject, Sendable {
    var shape: CacheShape { get }
}

/// The size of a key/value cache. Entries are F16, rounded to nearest even.
public struct CacheShape: Sendable, Hashable {
    public var layers: Int
    public var keyValueHeads: Int
    public var headDimension: Int
    public var sequences: Int
    /// Slots of each sequence: the context length plus room for the rows of a tree.
    public var capacity: Int

    public init(layers: Int, keyValueHeads: Int, headDimension: Int, sequences: Int, capacity: Int) {
        self.layers = layers
        self.keyValueHeads = keyValueHeads
        self.headDimension = headDimension
        self.sequences = sequences
        self.capacity = capacity
    }

    /// Bytes of keys and values together, invalid where the product overflows.
    public var byteCount: CheckedSize {
        CheckedSize(product: [2, 2, layers, keyValueHeads, headDimension, sequences, capacity])
    }
}

/// Some entries of one sequence of a cache.
public struct CacheSlots: Sendable, Hashable {
    public var sequence: Int
    public var slots: [Int]

    public init(sequence: Int, slots: [Int]) {
        self.sequence = sequence
        self.slots = slots
    }
}
