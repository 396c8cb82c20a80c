import RedrafterCore

/// The bytes of a GGUF file with a knob for every field, so that tests can write files that are wrong in one place.
///
/// Nothing is checked: what the knobs say is written.
public struct GGUFImage: Sendable {
    /// A key/value pair; `value` holds everything after the type.
    public struct Pair: Sendable {
        public var key: [UInt8]
        /// Written as the key's length where set.
        public var keyLength: UInt64?
        public var type: UInt32
        public var value: [UInt8]

        public init(_ key: String, type: UInt32, value: [UInt8]) {
            self.key = Array(key.utf8)
            self.type = type
            self.value = value
        }
    }

    /// A tensor info and its data.
    public struct Tensor: Sendable {
        public var name: [UInt8]
        /// Written as the name's length where set.
        public var nameLength: UInt64?
        /// Fastest first, as in the file.
        public var dimensions: [UInt64]
        /// Written as the number of dimensions where set.
        public var dimensionCount: UInt32?
        public var type: UInt32
        /// Written as the offset where set; else the running sum of padded sizes.
        public var offset: UInt64?
        public var data: [UInt8]

        /// - Parameters:
        ///   - name: of the tensor.
        ///   - type: of its elements.
        ///   - shape: slowest first.
        ///   - data: its bytes as they lie in the file.
        public init(_ name: String, type: WeightType, shape: [Int], data: [UInt8]) {
            self.name = Array(name.utf8)
            dimensions = shape.reversed().map { UInt64($0) }
            self.type = type.rawValue
            self.data = data
        }
    }

    public var magic = [UInt8]("GGUF".utf8)
    public var version: UInt32 = 3
    /// Written as the tensor count where set.
    public var tensorCount: UInt64?
    /// Written as the pair count where set.
    public var pairCount: UInt64?
    public var pairs = [Pair]()
    public var tensors = [Tensor]()
    /// How the data is laid out; what the file says of it is a pair.
    public var alignment = 32
    /// Bytes after the data of the last tensor and its padding.
    public var trailing = [UInt8]()

    public init() {}

    /// The index of the pair with this key; tests name only keys that exist.
    public func pair(_ key: String) -> Int {
        guard let index = pairs.firstIndex(where: { $0.key.elementsEqual(key.utf8) }) else {
            preconditionFailure("no pair \(key)")
        }
        return index
    }

    /// Replaces the value of a key, or appends the pair.
    public mutating func set(_ key: String, type: UInt32, value: [UInt8]) {
        let pair = Pair(key, type: type, value: value)
        if let index = pairs.firstIndex(where: { $0.key.elementsEqual(key.utf8) }) {
            pairs[index] = pair
        } else {
            pairs.append(pair)
        }
    }

    /// The file.
    public var bytes: [UInt8] { layout.bytes }

    /// Offsets and widths of all integers of header, metadata and infos, for sweeps over their values.
    public var integerFields: [(offset: Int, width: Int)] { layout.fields }

    /// Where sections, pairs, infos and the data of tensors begin.
    public var boundaries: [Int] { layout.boundaries }

    private var layout: Layout {
        var layout = Layout()
        layout.bytes = magic
        layout.put(version)
        layout.put(tensorCount ?? UInt64(tensors.count))
        layout.put(pairCount ?? UInt64(pairs.count))
        for pair in pairs {
            layout.mark()
            layout.put(pair.keyLength ?? UInt64(pair.key.count))
            layout.bytes += pair.key
            layout.put(pair.type)
            layout.mark()
            let scalarWidths = [1, 1, 2, 2, 4, 4, 4, 1, 8, 4, 8, 8, 8]
            let first = pair.type < 13 ? scalarWidths[Int(pair.type)] : 1
            layout.fields.append((layout.bytes.count, min(first, pair.value.count)))
            if pair.type == 9 { layout.fields.append((layout.bytes.count + 4, 8)) }
            layout.bytes += pair.value
        }
        var running = 0
        for tensor in tensors {
            layout.mark()
            layout.put(tensor.nameLength ?? UInt64(tensor.name.count))
            layout.bytes += tensor.name
            layout.put(tensor.dimensionCount ?? UInt32(tensor.dimensions.count))
            for dimension in tensor.dimensions { layout.put(dimension) }
            layout.put(tensor.type)
            layout.put(tensor.offset ?? UInt64(running))
            running = padded(running + tensor.data.count)
        }
        layout.mark()
        if !tensors.isEmpty { layout.pad(to: padded(layout.bytes.count)) }
        let start = layout.bytes.count
        for tensor in tensors {
            layout.mark()
            layout.bytes += tensor.data
            layout.mark()
            layout.pad(to: start + padded(layout.bytes.count - start))
        }
        layout.bytes += trailing
        return layout
    }

    private func padded(_ size: Int) -> Int { (size + alignment - 1) / alignment * alignment }

    private struct Layout {
        var bytes = [UInt8]()
        var fields = [(offset: Int, width: Int)]()
        var boundaries = [Int]()

        mutating func put(_ value: some FixedWidthInteger) {
            let encoded = GGUFImage.encode(value)
            fields.append((bytes.count, encoded.count))
            bytes += encoded
        }

        mutating func mark() { boundaries.append(bytes.count) }

        mutating func pad(to size: Int) {
            bytes += [UInt8](repeating: 0, count: max(0, size - bytes.count))
        }
    }
}

extension GGUFImage {
    /// Little-endian bytes.
    public static func encode(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// Length and bytes.
    public static func encode(string: some Collection<UInt8>) -> [UInt8] {
        encode(UInt64(string.count)) + string
    }

    public static func uint32(_ key: String, _ value: UInt32) -> Pair {
        Pair(key, type: 4, value: encode(value))
    }

    public static func float32(_ key: String, _ value: Float) -> Pair {
        Pair(key, type: 6, value: encode(value.bitPattern))
    }

    public static func bool(_ key: String, _ value: Bool) -> Pair {
        Pair(key, type: 7, value: [value ? 1 : 0])
    }

    public static func string(_ key: String, _ value: String) -> Pair {
        Pair(key, type: 8, value: encode(string: value.utf8))
    }

    public static func strings(_ key: String, _ values: [[UInt8]]) -> Pair {
        Pair(
            key, type: 9,
            value: encode(UInt32(8)) + encode(UInt64(values.count)) + values.flatMap { encode(string: $0) })
    }

    public static func int32s(_ key: String, _ values: [Int32]) -> Pair {
        Pair(
            key, type: 9,
            value: encode(UInt32(5)) + encode(UInt64(values.count)) + values.flatMap { encode($0) })
    }
}
