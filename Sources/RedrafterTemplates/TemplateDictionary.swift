/// A dictionary that keeps the order of its keys; never changed once made.
final class TemplateDictionary {
    let keys: [TemplateValue]
    let values: [TemplateValue]
    let extent: TemplateValue.Extent
    /// Places of keys; empty for few keys, which are compared one by one.
    private let places: [DictionaryKey: Int]
    private static let fewKeys = 8

    init(
        keys: [TemplateValue], values: [TemplateValue], places: [DictionaryKey: Int],
        extent: TemplateValue.Extent
    ) {
        self.keys = keys
        self.values = values
        self.places = keys.count > Self.fewKeys ? places : [:]
        self.extent = extent
    }

    var count: Int { keys.count }

    func value(_ key: TemplateString) -> TemplateValue? {
        guard places.isEmpty else { return places[.string(key)].map { values[$0] } }
        for index in keys.indices {
            if case .string(let own) = keys[index], own == key { return values[index] }
        }
        return nil
    }

    /// - Throws: for keys that Python cannot hash.
    func value(_ key: TemplateValue) throws(Fault) -> TemplateValue? {
        if case .string(let text) = key { return value(text) }
        let key = try DictionaryKey(key)
        guard places.isEmpty else { return places[key].map { values[$0] } }
        for index in keys.indices where try DictionaryKey(keys[index]) == key { return values[index] }
        return nil
    }
}

/// A value as a key: equal when Python finds the values equal.
indirect enum DictionaryKey: Hashable {
    case string(TemplateString)
    case integer(Int)
    case double(Double)
    case none
    case undefined
    case tuple([DictionaryKey])
    case object(ObjectIdentifier)

    init(_ value: TemplateValue) throws(Fault) {
        switch value {
        case .string(let text): self = .string(text)
        case .bool(let flag): self = .integer(flag ? 1 : 0)
        case .integer(let number): self = .integer(number)
        case .double(let number): self = Int(exactly: number).map { .integer($0) } ?? .double(number)
        case .none: self = .none
        case .undefined: self = .undefined
        case .tuple(let list):
            var keys = [DictionaryKey]()
            for item in list.items { keys.append(try DictionaryKey(item)) }
            self = .tuple(keys)
        case .namespace(let namespace): self = .object(ObjectIdentifier(namespace))
        case .iterator(let iterator): self = .object(ObjectIdentifier(iterator))
        case .callable(let callable): self = .object(ObjectIdentifier(callable))
        case .loop(let loop): self = .object(ObjectIdentifier(loop))
        case .list, .dictionary, .view, .range:
            throw .failed("a \(value.typeName) cannot be a key of a dictionary")
        }
    }
}

/// A dictionary in the making.
struct DictionaryBuilder {
    private var keys: [TemplateValue] = []
    private var values: [TemplateValue] = []
    private var places: [DictionaryKey: Int] = [:]
    private(set) var extent = TemplateValue.Extent()

    mutating func set(_ key: TemplateValue, _ value: TemplateValue) throws(Fault) {
        let place = try DictionaryKey(key)
        extent.include(key)
        extent.include(value)
        if let index = places[place] {
            values[index] = value
        } else {
            places[place] = keys.count
            keys.append(key)
            values.append(value)
        }
    }

    mutating func merge(_ other: TemplateDictionary) throws(Fault) {
        for index in other.keys.indices { try set(other.keys[index], other.values[index]) }
    }

    func finish() -> TemplateDictionary {
        TemplateDictionary(keys: keys, values: values, places: places, extent: extent)
    }
}
