/// The bytes of a safetensors file with a knob for every field; nothing is checked.
public struct SafetensorsImage: Sendable {
    /// A header entry; the parts are written as they are, so they may be any JSON or none.
    public struct Entry: Sendable {
        public var name: String
        public var dtype: String
        public var shape: String
        public var offsets: String

        public init(name: String, dtype: String, shape: String, offsets: String) {
            self.name = name
            self.dtype = dtype
            self.shape = shape
            self.offsets = offsets
        }
    }

    /// The JSON of `__metadata__`; nil leaves it out.
    public var metadata: String?
    public var entries = [Entry]()
    /// Written instead of the entries where set.
    public var header: [UInt8]?
    /// Written as the header's length where set.
    public var headerLength: UInt64?
    /// Blanks that make the data begin at a multiple of 8.
    public var isPadded = true
    public var data = [UInt8]()

    public init() {}

    /// Appends an entry and its data.
    public mutating func append(_ name: String, dtype: String, shape: [Int], data: [UInt8]) {
        let begin = self.data.count
        self.data += data
        entries.append(
            Entry(
                name: name, dtype: "\"\(dtype)\"", shape: "\(shape)", offsets: "[\(begin),\(self.data.count)]"
            ))
    }

    /// The file.
    public var bytes: [UInt8] {
        var header = self.header ?? Array(text.utf8)
        if self.header == nil, isPadded {
            header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
        }
        return GGUFImage.encode(headerLength ?? UInt64(header.count)) + header + data
    }

    private var text: String {
        var members = metadata.map { ["\"__metadata__\":\($0)"] } ?? []
        members += entries.map {
            "\"\($0.name)\":{\"dtype\":\($0.dtype),\"shape\":\($0.shape),\"data_offsets\":\($0.offsets)}"
        }
        return "{\(members.joined(separator: ","))}"
    }
}
