import RedrafterFormats

/// Members of a JSON object with errors of this module; `null` counts as absent.
struct ConfigKeys {
    let file: String
    let object: JSONObject?
    /// Stands before keys in errors: `rope_scaling.`.
    let prefix: String

    init(file: String, json: JSONValue, prefix: String = "") {
        self.file = file
        object = json.object
        self.prefix = prefix
    }

    func value(_ key: String) -> JSONValue? {
        guard let value = object?[key], !value.isNull else { return nil }
        return value
    }

    func nested(_ key: String) throws(ModelError) -> ConfigKeys? {
        guard let value = value(key) else { return nil }
        guard value.object != nil else { throw wrong(key, value, "an object or null") }
        return ConfigKeys(file: file, json: value, prefix: key + ".")
    }

    func string(_ key: String) throws(ModelError) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.string else { throw wrong(key, value, "a string") }
        return text
    }

    func strings(_ key: String) throws(ModelError) -> [String]? {
        guard let value = value(key) else { return nil }
        guard let array = value.array else { throw wrong(key, value, "an array of strings") }
        var result = [String]()
        for element in array {
            guard let text = element.string else { throw wrong(key, element, "an array of strings") }
            result.append(text)
        }
        return result
    }

    /// Whether the key is there, with a value or with `null`.
    func mentions(_ key: String) -> Bool { object?[key] != nil }

    func bool(_ key: String) throws(ModelError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let flag = value.bool else { throw wrong(key, value, "true or false") }
        return flag
    }

    func optionalInteger(_ key: String) throws(ModelError) -> Int? {
        guard let value = value(key) else { return nil }
        guard let number = value.integer else { throw wrong(key, value, "an integer") }
        return number
    }

    /// One integer, a list of them, or nothing.
    func integers(_ key: String) throws(ModelError) -> [Int] {
        guard let value = value(key) else { return [] }
        var result = [Int]()
        for element in value.array ?? [value] {
            guard let number = element.integer else {
                throw wrong(key, element, "an integer or a list of them")
            }
            result.append(number)
        }
        return result
    }

    func optionalFloat(_ key: String) throws(ModelError) -> Float? {
        guard let value = value(key) else { return nil }
        guard let number = value.double else { throw wrong(key, value, "a number") }
        return Float(number)
    }

    func integer(_ key: String) throws(ModelError) -> Int {
        guard let value = try optionalInteger(key) else { throw .missingKey(file: file, key: prefix + key) }
        return value
    }

    func float(_ key: String) throws(ModelError) -> Float {
        guard let value = try optionalFloat(key) else { throw .missingKey(file: file, key: prefix + key) }
        return value
    }

    /// A factor, or nothing.
    func optionalPositive(_ key: String) throws(ModelError) -> Float? {
        value(key) == nil ? nil : try positive(key)
    }

    /// Factors, `count` of them.
    func positives(_ key: String, count: Int) throws(ModelError) -> [Float] {
        guard let value = value(key) else { throw .missingKey(file: file, key: prefix + key) }
        let numbers = value.array?.compactMap { $0.double.map { Float($0) } } ?? []
        guard numbers.count == count, numbers.allSatisfy(ModelConfiguration.factors.contains) else {
            throw wrong(key, value, "\(count) numbers from 1e-9 to 1e9")
        }
        return numbers
    }

    /// A number of tokens, as far as a context can have them.
    func contextLength(_ key: String) throws(ModelError) -> Int {
        let number = try integer(key)
        guard (1...1 << 24).contains(number) else {
            throw .invalidValue(file: file, key: prefix + key, got: "\(number)", allowed: "1 to \(1 << 24)")
        }
        return number
    }

    /// A factor.
    func positive(_ key: String) throws(ModelError) -> Float {
        let number = try float(key)
        guard ModelConfiguration.factors.contains(number) else {
            throw .invalidValue(
                file: file, key: prefix + key, got: "\(number)", allowed: "a number from 1e-9 to 1e9")
        }
        return number
    }

    private func wrong(_ key: String, _ value: JSONValue, _ allowed: String) -> ModelError {
        .invalidValue(file: file, key: prefix + key, got: value.summary, allowed: allowed)
    }
}
