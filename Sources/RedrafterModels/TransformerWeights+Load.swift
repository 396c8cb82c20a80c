import RedrafterCore
import RedrafterFormats

/// One weight as it lies in a file.
public struct StoredWeight {
    /// The name in the file, for errors.
    public let name: String
    public let type: WeightType
    /// Dimensions, slowest first.
    public let shape: [Int]
    /// The content; valid until `release` is called.
    public let bytes: UnsafeRawBufferPointer
    /// What is added to every element: the file holds them less that.
    public let offset: Float
    /// Tells the file that the pages were copied and need not stay in memory.
    public let release: () -> Void

    public init(
        name: String, type: WeightType, shape: [Int], bytes: UnsafeRawBufferPointer, offset: Float = 0,
        release: @escaping () -> Void = {}
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
        self.offset = offset
        self.release = release
    }
}

/// Finds a weight of a model; nil when the file has none for the role.
public typealias WeightSource = (WeightRole) -> StoredWeight?

extension TransformerWeights {
    /// Copies all weights into the backend's layout, one after the other, releasing each from the file.
    /// - Parameters:
    ///   - configuration: which weights, of which shapes, there must be.
    ///   - source: hands out a weight by its role.
    ///   - backend: where they are kept.
    ///   - progress: called after each weight with the part that is done, 0 to 1.
    ///   - onNonFinite: called with the name of a weight that holds NaN or infinity, and how many (see
    ///     `Quantization.nonFiniteCount`). The weight is loaded all the same.
    /// - Throws: `TransformerError.missingWeight`, `.wrongShape`, `.wrongByteCount`, `.backend`.
    public static func load(
        _ configuration: ModelConfiguration, from source: @escaping WeightSource,
        on backend: any ComputeBackend,
        progress: (Double) -> Void = { _ in }, onNonFinite: @escaping (String, Int) -> Void = { _, _ in }
    ) throws(TransformerError) -> TransformerWeights {
        let loader = WeightLoader(
            configuration: configuration, source: source, backend: backend, onNonFinite: onNonFinite)
        let total = Double(configuration.weightRoles.count)
        var loaded = 0.0
        func step<Result>(_ result: Result) -> Result {
            loaded += 1
            progress(min(1, loaded / total))
            return result
        }
        let embedding = step(try loader.matrix(.embedding))
        let roles = Set(configuration.block.roles)
        var layers = [Layer]()
        for index in 0..<configuration.layers {
            func matrix(_ role: LayerWeightRole) throws(TransformerError) -> any WeightHandle {
                step(try loader.matrix(.layer(index, role)))
            }
            func vector(_ role: LayerWeightRole) throws(TransformerError) -> Tensor? {
                roles.contains(role) ? step(try loader.vector(.layer(index, role))) : nil
            }
            layers.append(
                Layer(
                    attentionNorm: try vector(.attentionNorm),
                    queryKeyValue: [try matrix(.query), try matrix(.key), try matrix(.value)],
                    queryKeyValueBiases: [
                        try vector(.queryBias), try vector(.keyBias), try vector(.valueBias),
                    ],
                    queryNorm: try vector(.queryNorm), keyNorm: try vector(.keyNorm),
                    attentionOutput: try matrix(.attentionOutput),
                    attentionOutputBias: try vector(.attentionOutputBias),
                    attentionPostNorm: try vector(.attentionPostNorm),
                    feedForwardNorm: try vector(.feedForwardNorm), gate: try matrix(.gate),
                    up: try matrix(.up), down: try matrix(.down),
                    feedForwardPostNorm: try vector(.feedForwardPostNorm)))
        }
        let finalNorm = step(try loader.vector(.finalNorm))
        let head = configuration.tiedEmbeddings ? embedding : step(try loader.matrix(.head))
        return TransformerWeights(embedding: embedding, layers: layers, finalNorm: finalNorm, head: head)
    }

    /// Bytes the backend will hold for all weights of the model.
    /// - Throws: as `load`, for everything that can be seen before anything is copied.
    public static func byteCount(
        _ configuration: ModelConfiguration, from source: @escaping WeightSource,
        on backend: any ComputeBackend
    ) throws(TransformerError) -> CheckedSize {
        let loader = WeightLoader(configuration: configuration, source: source, backend: backend)
        var total = CheckedSize(0)
        for role in configuration.weightRoles {
            let weight = try loader.stored(role)
            let columns = weight.shape[weight.shape.count - 1]
            if weight.shape.count == 1 {
                total = total + CheckedSize(columns) * 4
            } else {
                try loader.requireSupport(weight, for: loader.operations(on: role))
                total =
                    total
                    + backend.weightByteCount(type: weight.type, rows: weight.shape[0], columns: columns)
            }
        }
        return total
    }
}

extension ModelConfiguration {
    /// Asks a backend for a cache of this model's heads, of one token.
    /// - Throws: `TransformerError.backend` where it cannot have one.
    public func requireHeads(on backend: any ComputeBackend) throws(TransformerError) {
        _ = try wrapping(
            TransformerError.backend,
            try backend.makeCache(
                CacheShape(
                    layers: 1, keyValueHeads: 1, headDimension: headDimension, sequences: 1, capacity: 1)))
    }
}

/// Reads single weights, checked against the configuration.
private struct WeightLoader {
    let configuration: ModelConfiguration
    let source: WeightSource
    let backend: any ComputeBackend
    var onNonFinite: (String, Int) -> Void = { _, _ in }

    private func report(_ weight: StoredWeight) {
        let count = Quantization.nonFiniteCount(type: weight.type, bytes: weight.bytes)
        if count > 0 { onNonFinite(weight.name, count) }
    }

    func stored(_ role: WeightRole) throws(TransformerError) -> StoredWeight {
        guard let weight = source(role) else { throw .missingWeight(role.description) }
        let expected = configuration.shape(of: role)
        guard weight.shape == expected else {
            throw .wrongShape(weight: weight.name, got: weight.shape, expected: expected)
        }
        let columns = expected[expected.count - 1]
        let rows = expected.count == 1 ? 1 : expected[0]
        guard let rowBytes = weight.type.rowBytes(columns: columns),
            let bytes = (CheckedSize(rowBytes) * rows).value
        else {
            throw .backend(
                .unsupported(
                    operation: "a row of \(columns) elements", type: weight.type.name,
                    reason: "\(weight.name) needs a multiple of \(weight.type.blockLength)"))
        }
        guard bytes == weight.bytes.count else {
            throw .wrongByteCount(weight: weight.name, got: weight.bytes.count, expected: bytes)
        }
        return weight
    }

    /// What will be done with a matrix; both when embedding and head are one.
    func operations(on role: WeightRole) -> [BackendOperation] {
        guard role == .embedding else { return [.linear] }
        return configuration.tiedEmbeddings ? [.embedding, .linear] : [.embedding]
    }

    func requireSupport(_ weight: StoredWeight, for operations: [BackendOperation]) throws(TransformerError) {
        for operation in operations {
            if case .unsupported(let reason) = backend.support(operation, weight.type) {
                throw .backend(
                    .unsupported(
                        operation: "\(operation.rawValue) with \(weight.name)", type: weight.type.name,
                        reason: reason))
            }
        }
    }

    func matrix(_ role: WeightRole) throws(TransformerError) -> any WeightHandle {
        let weight = try stored(role)
        try requireSupport(weight, for: operations(on: role))
        defer { weight.release() }
        report(weight)
        do {
            return try backend.makeWeight(
                type: weight.type, rows: weight.shape[0], columns: weight.shape[1], bytes: weight.bytes)
        } catch {
            throw .backend(error)
        }
    }

    func vector(_ role: WeightRole) throws(TransformerError) -> Tensor {
        let weight = try stored(role)
        defer { weight.release() }
        report(weight)
        guard let values = weight.floats else {
            throw .backend(
                .unsupported(
                    operation: "norm or bias", type: weight.type.name,
                    reason: "\(weight.name) must be f32, f16 or bf16"))
        }
        do {
            return try backend.makeTensor(rows: 1, columns: values.count, values: values)
        } catch {
            throw .backend(error)
        }
    }
}

extension StoredWeight {
    /// The elements of a weight of a float type; nil for quantised ones.
    var floats: [Float]? {
        guard type.isFloat else { return nil }
        var values = [Float](repeating: 0, count: shape.reduce(1, *))
        values.withUnsafeMutableBufferPointer { Quantization.dequantize(type: type, bytes: bytes, into: $0) }
        return offset == 0 ? values : values.map { $0 + offset }
    }
}
