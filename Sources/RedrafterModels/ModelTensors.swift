import RedrafterCore
import RedrafterFormats

/// The weights of a model by role, from a GGUF file or a Hugging Face checkpoint.
public struct ModelTensors: Sendable {
    /// Path of the file or folder, for errors.
    public let path: String
    private let configuration: ModelConfiguration
    private let views: [WeightRole: TensorView]
    /// The tensors that hold several weights, by each of these.
    private let fused: [WeightRole: TensorView]
    /// What the file holds the weights of norms less.
    private let normOffset: Float

    /// The weights of a GGUF file.
    /// - Throws: as the form for any source.
    public init(_ configuration: ModelConfiguration, in gguf: GGUFFile) throws(ModelError) {
        try self.init(configuration, in: gguf, configurationPath: gguf.path, form: .gguf)
    }

    /// The weights of a Hugging Face checkpoint; what the model does not need (`rotary_emb.inv_freq`) is left alone.
    /// - Parameters:
    ///   - configuration: which tensors, of which shapes, there must be.
    ///   - source: where they are.
    ///   - configurationPath: the `config.json` that the configuration was read from.
    /// - Throws: as the form for any source.
    public init(
        _ configuration: ModelConfiguration, inHuggingFace source: some TensorSource,
        configurationPath: String
    ) throws(ModelError) {
        try ForeignCheckpoint.refuse(source)
        try self.init(
            configuration, in: source, configurationPath: configurationPath, form: .huggingFace)
    }

    /// Finds every weight the configuration asks for, checks its shape, and that no weight is there which would
    /// change the result but has no place in the architecture.
    /// - Throws: `ModelError.missingTensors` with the first names, `.wrongShape`, `.unsupported` for a tensor type or
    ///   a further weight, `.invalidValue` where the file has more layers than the configuration says.
    init(
        _ configuration: ModelConfiguration, in source: some TensorSource, configurationPath: String,
        form: CheckpointForm
    ) throws(ModelError) {
        var (views, fused) = ([WeightRole: TensorView](), [WeightRole: TensorView]())
        var missing = [String]()
        var used = Set<String>()
        for role in configuration.weightRoles {
            let places = configuration.places(of: role, in: form)
            let found = places.compactMap { place in source.tensor(named: place.name).map { (place, $0) } }
            if let (place, view) = found.first(where: { $0.1.shape == $0.0.shape }) {
                guard let rows = view.rows(place.rows) else {
                    throw .wrongShape(
                        file: source.path, tensor: view.name, got: view.shape, expected: place.shape,
                        configuration: configurationPath)
                }
                views[role] = rows
                if place.rows != nil { fused[role] = view }
                used.insert(place.name)
            } else if let (place, view) = found.first {
                throw .wrongShape(
                    file: source.path, tensor: view.name, got: view.shape, expected: place.shape,
                    configuration: configurationPath)
            } else if let (name, type) = places.lazy.compactMap({ place in
                source.unsupportedType(of: place.name).map { (place.name, $0) }
            }).first {
                throw .unsupported(
                    file: source.path, what: "tensor type \(type) of \(name)",
                    supported: ModelConfiguration.supportedTypes)
            } else {
                missing.append(places[0].name)
            }
        }
        guard missing.isEmpty else {
            throw .missingTensors(file: source.path, names: Array(missing.prefix(3)), count: missing.count)
        }
        try Self.refuseBeyond(configuration, in: source, configurationPath: configurationPath, form: form)
        try Self.refuseForeign(configuration, in: source, used: used, form: form)
        path = source.path
        self.configuration = configuration
        normOffset = form == .huggingFace && configuration.architecture.traits.storesNormsLessOne ? 1 : 0
        (self.views, self.fused) = (views, fused)
    }

    private static func refuseBeyond(
        _ configuration: ModelConfiguration, in source: some TensorSource, configurationPath: String,
        form: CheckpointForm
    ) throws(ModelError) {
        let next = configuration.places(of: .layer(configuration.layers, .down), in: form)
        guard let beyond = next.first(where: { source.tensor(named: $0.name) != nil }) else { return }
        throw .invalidValue(
            file: configurationPath, key: "the number of layers", got: "\(configuration.layers)",
            allowed: "all that the file has (\(beyond.name) lies beyond them)")
    }

    /// Weights of relatives of the architecture: without them a model would run and answer nonsense.
    private static func refuseForeign(
        _ configuration: ModelConfiguration, in source: some TensorSource, used: Set<String>,
        form: CheckpointForm
    ) throws(ModelError) {
        let prefixes = form == .gguf ? ["blk.0."] : ["model.layers.0.", "layers.0."]
        let biases = ["output.bias", "output_norm.bias", "lm_head.bias", "model.norm.bias", "norm.bias"]
        // Constants that follow from the hyper-parameters.
        let harmless = ["rotary_emb.inv_freq", "attn_rot_embd.weight", "rope_freqs.weight", "masked_bias"]
        let foreign = source.tensors.first { tensor in
            guard !used.contains(tensor.name) else { return false }
            return biases.contains(tensor.name)
                || prefixes.contains(where: tensor.name.hasPrefix)
                    && !harmless.contains(where: tensor.name.hasSuffix)
        }
        if let foreign {
            throw .unsupported(
                file: source.path, what: "the weight \(foreign.name)",
                supported:
                    "the weights of \(configuration.architecture.rawValue) that the hyper-parameters ask for")
        }
    }

    /// The weight of a role; nil where the architecture has none.
    public subscript(role: WeightRole) -> TensorView? { views[role] }

    /// The tensors that hold all weights, each once, with their names in GGUF files and one of the weights in them.
    var whole: [(name: String, view: TensorView, role: WeightRole)] {
        var seen = Set<String>()
        return configuration.weightRoles.compactMap { role in
            guard let view = fused[role] ?? views[role] else { return nil }
            let name = fused[role] == nil ? role.ggufName : role.fusedNames(in: .gguf)[0]
            return seen.insert(name).inserted ? (name, view, role) : nil
        }
    }

    /// What has to be added to the elements of a weight, because the file holds them less that.
    public func offset(of role: WeightRole) -> Float { role.isNorm ? normOffset : 0 }

    /// The weights as the loader of a transformer takes them; each is released from the file once it was copied.
    public var source: WeightSource {
        { role in
            views[role].map { view in
                StoredWeight(
                    name: view.name, type: view.type, shape: view.shape,
                    bytes: UnsafeRawBufferPointer(
                        rebasing: view.file.bytes[view.offset..<view.offset + view.byteCount]),
                    offset: offset(of: role),
                    release: { view.file.release(offset: view.offset, count: view.byteCount) })
            }
        }
    }
}

/// Where a file may hold a weight: as a tensor, or as rows of one that holds others too.
private struct WeightPlace {
    var name: String
    /// Of the tensor.
    var shape: [Int]
    /// Of the weight within it; nil: all.
    var rows: Range<Int>?
}

extension ModelConfiguration {
    /// The places where a weight may be, the likeliest first.
    fileprivate func places(of role: WeightRole, in form: CheckpointForm) -> [WeightPlace] {
        let shape = shape(of: role)
        let names = form == .gguf ? [role.ggufName] : role.huggingFaceNames(norms: block.norms)
        let whole = names.map { WeightPlace(name: $0, shape: shape) }
        guard architecture.traits.fusesMatrices, case .layer(let layer, let own) = role else { return whole }
        let fused = Self.fused.first { $0.contains(own) } ?? []
        let counts = fused.map { self.shape(of: .layer(layer, $0))[0] }
        let before = zip(fused, counts).prefix { $0.0 != own }.reduce(0) { $0 + $1.1 }
        return whole
            + role.fusedNames(in: form).map {
                WeightPlace(
                    name: $0, shape: [counts.reduce(0, +), shape[1]], rows: before..<before + shape[0])
            }
    }

    /// Matrices that lie one below the other in one tensor, in this order.
    private static let fused: [[LayerWeightRole]] = [[.query, .key, .value], [.gate, .up]]
}

extension TensorView {
    /// Some of the rows; nil where a row has no whole number of bytes.
    fileprivate func rows(_ range: Range<Int>?) -> TensorView? {
        guard let range else { return self }
        guard let rowBytes = type.rowBytes(columns: shape[shape.count - 1]) else { return nil }
        return TensorView(
            name: name, type: type, shape: [range.count] + shape.dropFirst(), file: file,
            offset: offset + range.lowerBound * rowBytes, byteCount: range.count * rowBytes)
    }
}

extension WeightRole {
    /// Whether it is the weight of a norm.
    public var isNorm: Bool {
        switch self {
        case .embedding, .head: false
        case .finalNorm: true
        case .layer(_, let role):
            [
                .attentionNorm, .attentionPostNorm, .feedForwardNorm, .feedForwardPostNorm, .queryNorm,
                .keyNorm,
            ].contains(role)
        }
    }
}
