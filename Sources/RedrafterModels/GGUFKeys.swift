import RedrafterFormats

/// Metadata with errors of this module, and with required keys.
struct GGUFKeys {
    let gguf: GGUFFile

    func string(_ key: String) throws(ModelError) -> String? {
        do { return try gguf.metadata.string(key) } catch { throw .format(error) }
    }

    func bool(_ key: String) throws(ModelError) -> Bool? {
        do { return try gguf.metadata.bool(key) } catch { throw .format(error) }
    }

    func optionalInteger(_ key: String) throws(ModelError) -> Int? {
        do { return try gguf.metadata.integer(key) } catch { throw .format(error) }
    }

    func optionalFloat(_ key: String) throws(ModelError) -> Float? {
        do { return try gguf.metadata.float(key).map { Float($0) } } catch { throw .format(error) }
    }

    func integer(_ key: String) throws(ModelError) -> Int {
        guard let value = try optionalInteger(key) else { throw .missingKey(file: gguf.path, key: key) }
        return value
    }

    func float(_ key: String) throws(ModelError) -> Float {
        guard let value = try optionalFloat(key) else { throw .missingKey(file: gguf.path, key: key) }
        return value
    }

    /// A factor, or nothing.
    func optionalPositive(_ key: String) throws(ModelError) -> Float? {
        guard let number = try optionalFloat(key) else { return nil }
        guard ModelConfiguration.factors.contains(number) else {
            throw .invalidValue(
                file: gguf.path, key: key, got: "\(number)", allowed: "a number from 1e-9 to 1e9")
        }
        return number
    }

    /// A cap of scores or logits; nil for the 0 that stands for none.
    func softcap(_ key: String, default fallback: Float?) throws(ModelError) -> Float? {
        try optionalFloat(key) == 0 ? nil : try optionalPositive(key) ?? fallback
    }

    func positive(_ key: String) throws(ModelError) -> Float {
        guard let number = try optionalPositive(key) else { throw .missingKey(file: gguf.path, key: key) }
        return number
    }

    /// A flag for each layer, or nothing; also where the key holds no array.
    func flags(_ key: String, count: Int) throws(ModelError) -> [Bool]? {
        guard case .array(let array)? = gguf.metadata[key] else { return nil }
        let flags = (0..<array.count).compactMap { index -> Bool? in
            switch array[index] {
            case .bool(let flag): flag
            case let number: number.integer.map { $0 != 0 }
            }
        }
        guard flags.count == array.count, flags.count >= count else {
            throw .invalidValue(
                file: gguf.path, key: key, got: GGUFValue.array(array).summary,
                allowed: "a flag for each of the \(count) layers")
        }
        return Array(flags.prefix(count))
    }

    /// Finite numbers above 0 from a vector of F32, `count` of them; nil where there is no such tensor.
    func divisors(_ name: String, count: Int) throws(ModelError) -> [Float]? {
        guard let tensor = gguf.tensor(named: name) else { return nil }
        guard tensor.type == .f32, tensor.shape.count == 1 else {
            throw .invalidValue(
                file: gguf.path, key: name, got: "\(tensor.type.name) of \(tensor.shape)",
                allowed: "a vector of f32")
        }
        guard tensor.shape[0] == count else {
            throw .invalidValue(
                file: gguf.path, key: name, got: "\(tensor.shape[0]) divisors",
                allowed: "\(count), half the rotary dimension")
        }
        let divisors = (0..<count).map { index in
            tensor.file.bytes.loadUnaligned(fromByteOffset: tensor.offset + 4 * index, as: Float.self)
        }
        guard divisors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw .invalidValue(
                file: gguf.path, key: name, got: "a divisor that is not", allowed: "finite numbers above 0")
        }
        return divisors
    }
}
