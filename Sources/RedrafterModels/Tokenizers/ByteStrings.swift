/// A list of byte strings in one piece of memory: the tokens of a vocabulary.
public struct ByteStrings: Sendable, Hashable, RandomAccessCollection, ExpressibleByArrayLiteral {
    private(set) var storage: [UInt8] = []
    private(set) var starts: [Int] = [0]  // [count + 1]

    /// No strings.
    public init() {}

    /// Copies of `strings`, in order.
    public init(_ strings: some Sequence<[UInt8]>) {
        for string in strings { append(string) }
    }

    public init(arrayLiteral strings: [UInt8]...) { self.init(strings) }

    public var startIndex: Int { 0 }
    public var endIndex: Int { starts.count - 1 }

    /// The bytes of string `index`, which must be in range.
    public subscript(index: Int) -> ArraySlice<UInt8> { storage[range(index)] }

    /// Adds a string at the end.
    public mutating func append(_ string: some Sequence<UInt8>) {
        storage.append(contentsOf: string)
        starts.append(storage.count)
    }

    /// Makes room for `count` strings.
    public mutating func reserve(count: Int, bytes: Int) {
        starts.reserveCapacity(count + 1)
        storage.reserveCapacity(bytes)
    }

    /// Adds one string byte by byte: `body` appends to the storage, what it appends is the string.
    mutating func append(_ body: (inout [UInt8]) -> Void) {
        body(&storage)
        starts.append(storage.count)
    }

    func range(_ index: Int) -> Range<Int> { starts[index]..<starts[index + 1] }

    func length(_ index: Int) -> Int { starts[index + 1] - starts[index] }
}
