import DrafterHeads
import RedrafterFormats

/// vLLM's.
struct VLLMLayout: SafetensorsLayout {
    let name = "vllm"
    let draftVocabularyName: String? = "token_map"
    let prefixes = medusaPrefixes

    func role(ofName name: String) -> DrafterRole? {
        let parts = HeadNames.split(name)
        if parts.count == 5, parts[0] == "blocks", parts[2] == "layers",
            let head = HeadNames.number(parts[1]), let layer = HeadNames.number(parts[3])
        {
            switch parts[4] {
            case "weight": return .block(head: head, layer: layer)
            case "bias": return .blockBias(head: head, layer: layer)
            default: return nil
            }
        }
        guard parts.count == 3, parts[0] == "lm_heads", parts[2] == "weight",
            let head = HeadNames.number(parts[1])
        else { return nil }
        return .output(head: head)
    }

    func name(of tensor: TensorSpecification) -> String {
        let numbers = tensor.role.indices
        guard numbers.count == 2 else { return "lm_heads.\(numbers[0]).weight" }
        return "blocks.\(numbers[0]).layers.\(numbers[1]).\(tensor.role.isBias ? "bias" : "weight")"
    }

    func read(_ parts: DrafterParts) throws(FormatError) -> DrafterWeights {
        var configuration = MedusaConfiguration(try HeadShapes(parts, self, hasPlaces: false))
        let headRows = configuration.vocabularySize
        let whole = try parts.settings.size("vocab_size") ?? .max
        let isTruncated = try parts.settings.size("truncated_vocab_size").map { $0 < whole } ?? false
        // The map is in force with as many tokens as the head has rows, or where the vocabulary was truncated.
        let vocabulary = try parts.draftVocabulary { $0 == headRows || isTruncated }
        if let vocabulary { configuration.vocabularySize = vocabulary.count }
        try parts.settings.check("hidden_size", against: configuration.hiddenSize)
        let sharesHead = try parts.settings.flag("original_lm_head") ?? false
        let hasBiases = parts.views.keys.contains { $0.isBias }
        return try parts.weights(configuration, draftVocabulary: vocabulary) {
            (specification) throws(FormatError) in
            if specification.role.isBias {
                // Blocks have no bias unless `medusa_fc_bias` says so.
                return hasBiases
                    ? nil
                    : DrafterTensor(
                        name: specification.name, shape: specification.shape,
                        values: [Float](repeating: 0, count: specification.shape[0]))
            }
            guard specification.role == .output(head: specification.role.indices[0]) else { return nil }
            var tensor = parts.tensor(specification)
            // Without heads of their own, all share the first one's.
            if tensor == nil, sharesHead {
                let first = TensorSpecification(
                    .output(head: 0), specification.name, shape: specification.shape)
                tensor = parts.tensor(first)
            }
            guard let tensor, let vocabulary else { return tensor }
            return try rows(of: tensor, vocabulary, parts)
        }
    }

    /// An LM head; of one that has all tokens of the model, the rows of the draft vocabulary.
    private func rows(
        of tensor: DrafterTensor, _ vocabulary: [Int32], _ parts: DrafterParts
    ) throws(FormatError) -> DrafterTensor {
        guard tensor.rows > vocabulary.count, let rowBytes = tensor.type.rowBytes(columns: tensor.columns)
        else { return tensor }
        for token in vocabulary where Int(token) >= tensor.rows || token < 0 {
            throw .invalid(
                file: parts.path, field: "tensor \"token_map\"",
                expected: "tokens below the \(tensor.rows) rows of the LM head", got: "\(token)", offset: nil)
        }
        let content = tensor.withBytes { bytes in
            var rows = [UInt8]()
            rows.reserveCapacity(vocabulary.count * rowBytes)
            for token in vocabulary {
                rows.append(contentsOf: bytes[Int(token) * rowBytes..<(Int(token) + 1) * rowBytes])
            }
            return ByteSlice(rows)
        }
        return DrafterTensor(
            name: tensor.name, type: tensor.type, shape: [vocabulary.count, tensor.columns], content: content)
    }

    func configuration(
        _ sizes: MedusaConfiguration, of weights: DrafterWeights
    ) throws(FormatError) -> [(key: String, value: JSONValue)] {
        let rows = weights.draftVocabulary == nil ? nil : sizes.vocabularySize
        let vocabulary = try weights.requiredModelVocabularySize()
        return [
            ("model_type", .string("medusa")), ("architectures", .array([.string("MedusaModel")])),
            ("hidden_size", .integer(sizes.hiddenSize)), ("vocab_size", .integer(vocabulary)),
        ] + (rows.map { [("truncated_vocab_size", .integer($0))] } ?? []) + [
            ("num_heads", .integer(sizes.heads)), ("num_hidden_layers", .integer(sizes.layers)),
            ("medusa_fc_bias", .bool(true)),
        ]
    }
}
