#if Server
    import RedrafterCore
    import RedrafterFormats

    /// The members of an object in a request; every look says what is wrong with the field, and where. `null` counts as absent.
    struct RequestFields {
        let object: JSONObject
        /// Where the object lies, such as `messages[0].`.
        private let place: String

        /// - Throws: where the value is no object.
        init(_ value: JSONValue, place: String = "") throws(APIError) {
            guard let object = value.object else {
                if place.isEmpty {
                    throw APIError(.badRequest, "The body is \(value.summary), not an object")
                }
                throw .field(place, "is \(value.summary); expected: an object")
            }
            self.object = object
            self.place = place.isEmpty ? "" : place + "."
        }

        /// The whole name of a field.
        func name(_ key: String) -> String { place + key }

        /// Refuses what is in neither list.
        func allow(_ known: Set<String>, ignoring ignored: Set<String> = []) throws(APIError) {
            for (key, value) in object {
                let name = key.string ?? ""
                guard !known.contains(name), !ignored.contains(name) else { continue }
                // Clients that fill in every field send null for those they do not use.
                if value.isNull { continue }
                throw .field(self.name(name), "is not supported", code: "unsupported_parameter")
            }
        }

        /// Refuses a field unless it asks for nothing.
        func refuse(_ key: String, unless isHarmless: (JSONValue) -> Bool = { _ in false }) throws(APIError) {
            guard let value = value(key), !isHarmless(value) else { return }
            throw .field(name(key), "is \(value.summary), which is not supported", code: "unsupported_value")
        }

        func value(_ key: String) -> JSONValue? {
            guard let value = object[key], !value.isNull else { return nil }
            return value
        }

        func wrong(_ key: String, _ expected: String) -> APIError {
            .field(
                name(key), "is \(value(key)?.summary ?? "missing"); expected: \(expected)",
                code: value(key) == nil ? "missing_required_parameter" : "invalid_value")
        }

        func bool(_ key: String) throws(APIError) -> Bool? {
            guard let value = value(key) else { return nil }
            guard let bool = value.bool else { throw wrong(key, "true or false") }
            return bool
        }

        func integer(_ key: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
            guard let value = value(key) else { return nil }
            guard let integer = value.integer, range.contains(integer) else {
                throw wrong(
                    key,
                    range.upperBound == .max
                        ? "an integer from \(range.lowerBound)"
                        : "an integer from \(range.lowerBound) to \(range.upperBound)")
            }
            return integer
        }

        /// An integer up to 2⁶⁴ − 1.
        func unsigned(_ key: String) throws(APIError) -> UInt64? {
            guard let value = value(key) else { return nil }
            if let integer = value.integer, integer >= 0 { return UInt64(integer) }
            if case .number(let number) = value, let unsigned = number.unsigned { return unsigned }
            throw wrong(key, "an integer from 0 to \(UInt64.max)")
        }

        func number(_ key: String, in range: ClosedRange<Float>) throws(APIError) -> Float? {
            guard let value = value(key) else { return nil }
            guard let double = value.double, range.contains(Float(double)) else {
                throw wrong(key, Self.words(range))
            }
            return Float(double)
        }

        private static func words(_ range: ClosedRange<Float>) -> String {
            let most = Float.greatestFiniteMagnitude
            let upper = range.upperBound < most ? "\(range.upperBound)" : "3.4e38"
            if range.lowerBound == -most { return "a number from -3.4e38 to \(upper)" }
            if range.lowerBound == .leastNormalMagnitude { return "a number above 0, up to \(upper)" }
            return "a number from \(range.lowerBound) to \(upper)"
        }

        func string(_ key: String) throws(APIError) -> String? {
            guard let value = value(key) else { return nil }
            guard let string = value.string else { throw wrong(key, "a string") }
            return string
        }

        /// Tokens that the model has.
        func tokens(_ key: String, _ values: [JSONValue], below count: Int) throws(APIError) -> [Int32] {
            var tokens = [Int32]()
            tokens.reserveCapacity(values.count)
            for value in values {
                guard let integer = value.integer, (0..<count).contains(integer) else {
                    throw .field(
                        name(key), "holds \(value.summary); expected: token ids from 0 to \(count - 1)",
                        code: "invalid_value")
                }
                tokens.append(Int32(integer))
            }
            return tokens
        }
    }
#endif
