import RedrafterFormats

extension TemplateValue {
    /// A value from outside.
    /// - Parameters:
    ///   - json: nested no deeper than the parser allows.
    ///   - isInput: its strings are the conversation's.
    ///   - trusted: strings that are the template's all the same, by the key of the object that holds them.
    init(_ json: JSONValue, isInput: Bool, trusted: [String: Set<String>]) throws(Fault) {
        switch json {
        case .null: self = .none
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .integer(number)
        case .number(let number):
            let isFraction = number.text.withBytes { $0.contains { ".eE".utf8.contains($0) } }
            guard isFraction || number.double == 0 else {
                throw .unsupported("an integer of more than 64 bits", nearest: "a number with a fraction")
            }
            guard let double = number.text.string.flatMap(Double.init) else {
                throw .unsupported("the number \(number.text.escaped(limit: 40))", nearest: "a double")
            }
            self = .double(double)
        case .string(let text): self = .string(TemplateString(text.array, isInput: isInput))
        case .array(let elements):
            var items = [TemplateValue]()
            var extent = Extent()
            items.reserveCapacity(elements.count)
            for element in elements {
                let item = try TemplateValue(element, isInput: isInput, trusted: trusted)
                extent.include(item)
                items.append(item)
            }
            self = .list(TemplateList(items, extent: extent))
        case .object(let object):
            var builder = DictionaryBuilder()
            for (key, member) in object {
                var memberIsInput = isInput
                if let text = member.string, let name = key.string, trusted[name]?.contains(text) == true {
                    memberIsInput = false
                }
                try builder.set(
                    .string(TemplateString(key.array, isInput: isInput)),
                    try TemplateValue(member, isInput: memberIsInput, trusted: trusted))
            }
            self = .dictionary(builder.finish())
        }
    }

    /// Bytes of all strings in it.
    static func byteCount(_ json: JSONValue) -> Int {
        switch json {
        case .string(let text): text.count
        case .array(let elements): elements.reduce(16) { $0 + byteCount($1) }
        case .object(let object): object.reduce(16) { $0 + $1.key.count + byteCount($1.value) }
        default: 16
        }
    }
}
