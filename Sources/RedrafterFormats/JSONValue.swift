import RedrafterCore

/// A JSON value.
///
/// The parser is our own because model files need what common ones do not give: duplicate keys are an error
/// rather than a silent choice, integers stay exact instead of passing through a double, strings are slices of
/// the input (a tokenizer of 10 MB would otherwise become half a million heap objects), errors name the byte, and
/// a malicious text can neither overflow the stack nor take more than linear time or memory.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits `Int`.
    case integer(Int)
    /// Any other number, as written.
    case number(JSONNumber)
    /// The decoded bytes of a string; always UTF-8.
    case string(ByteSlice)
    case array([JSONValue])
    case object(JSONObject)

    /// A string value.
    public static func string(_ text: String) -> JSONValue { .string(ByteSlice(text)) }

    /// A finite number; `null` for NaN and infinities, which JSON lacks.
    public static func double(_ value: Double) -> JSONValue {
        value.isFinite ? .number(JSONNumber(value)) : .null
    }

    /// An object of these members, in order; keys must be unique.
    public static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(JSONObject(members.map { (ByteSlice($0.key), $0.value) }))
    }

    /// The member of an object; nil for absent keys and for other values.
    public subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    /// True for `null`.
    public var isNull: Bool { if case .null = self { true } else { false } }

    /// The truth value; nil for other values.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The exact integer; nil for other values, also for `1.0` and `1e3`.
    public var integer: Int? { if case .integer(let value) = self { value } else { nil } }

    /// The number as a double; nil for other values and where a double would be infinite.
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value.double
        default: nil
        }
    }

    /// The decoded text; nil for other values.
    public var string: String? { if case .string(let value) = self { value.string } else { nil } }

    /// The decoded bytes of a string; nil for other values.
    public var bytes: ByteSlice? { if case .string(let value) = self { value } else { nil } }

    /// The elements; nil for other values.
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    /// The members; nil for other values.
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// What the value is and, for short ones, its text: for errors; escaped.
    public var summary: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): value.text.escaped(limit: 40)
        case .string(let value): "\"\(value.escaped(limit: 60))\""
        case .array(let value): "an array of \(value.count)"
        case .object(let value): "an object of \(value.count)"
        }
    }
}

/// A number as its text, for those that are no `Int`.
public struct JSONNumber: Sendable, Hashable {
    /// The number as written.
    public let text: ByteSlice

    init(text: ByteSlice) { self.text = text }

    /// The shortest text that reads back as `value`, a finite number.
    public init(_ value: Double) { text = ByteSlice(value.description) }

    /// The same for a float, in its own precision.
    public init(_ value: Float) { text = ByteSlice(value.description) }

    /// The nearest double; nil where that is infinite.
    public var double: Double? {
        guard let string = text.string, let value = Double(string), value.isFinite else { return nil }
        return value
    }

    /// The exact value for integers up to 2⁶⁴ − 1; nil for anything else.
    public var unsigned: UInt64? { text.string.flatMap { UInt64($0) } }
}

/// The members of a JSON object in the order of the text, with look-up by key.
public struct JSONObject: Sendable, Hashable, RandomAccessCollection {
    /// A key and its value.
    public typealias Element = (key: ByteSlice, value: JSONValue)

    private let keys: [ByteSlice]
    private let values: [JSONValue]
    /// Open addressing: index of a member plus one, 0 for empty; no table for few members. `[power of two]`
    private let table: [UInt32]
    private static let fewMembers = 8

    /// Members with unique keys.
    public init(_ members: some Sequence<(ByteSlice, JSONValue)>) {
        var keys = [ByteSlice]()
        var values = [JSONValue]()
        for (key, value) in members {
            keys.append(key)
            values.append(value)
        }
        guard case .success(let object) = Self.make(keys: keys, values: values) else {
            preconditionFailure("an object with a key twice")
        }
        self = object
    }

    private init(keys: [ByteSlice], values: [JSONValue], table: [UInt32]) {
        self.keys = keys
        self.values = values
        self.table = table
    }

    /// The position of a key that appears twice.
    struct Duplicate: Error { var index: Int }

    static func make(keys: [ByteSlice], values: [JSONValue]) -> Result<JSONObject, Duplicate> {
        guard keys.count > fewMembers else {
            for index in keys.indices where keys[..<index].contains(keys[index]) {
                return .failure(Duplicate(index: index))
            }
            return .success(JSONObject(keys: keys, values: values, table: []))
        }
        var size = 16
        while size < keys.count * 2 { size *= 2 }
        var table = [UInt32](repeating: 0, count: size)
        for index in keys.indices {
            // The standard library seeds its hash per process: nobody can prepare keys that collide.
            var slot = keys[index].hashValue & (size - 1)
            while table[slot] != 0 {
                if keys[Int(table[slot]) - 1] == keys[index] { return .failure(Duplicate(index: index)) }
                slot = (slot + 1) & (size - 1)
            }
            table[slot] = UInt32(truncatingIfNeeded: index + 1)
        }
        return .success(JSONObject(keys: keys, values: values, table: table))
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { keys.count }
    public subscript(index: Int) -> Element { (keys[index], values[index]) }

    /// The value of a key; nil when absent.
    public subscript(key: String) -> JSONValue? { self[ByteSlice(key)] }

    /// The value of a key; nil when absent.
    public subscript(key: ByteSlice) -> JSONValue? {
        guard !table.isEmpty else {
            return keys.firstIndex(of: key).map { values[$0] }
        }
        var slot = key.hashValue & (table.count - 1)
        while table[slot] != 0 {
            let index = Int(table[slot]) - 1
            if keys[index] == key { return values[index] }
            slot = (slot + 1) & (table.count - 1)
        }
        return nil
    }

    public static func == (a: JSONObject, b: JSONObject) -> Bool { a.keys == b.keys && a.values == b.values }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(keys)
        hasher.combine(values)
    }
}
