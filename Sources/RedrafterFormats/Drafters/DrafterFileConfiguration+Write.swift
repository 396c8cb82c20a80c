import RedrafterCore

extension DrafterFileConfiguration {
    /// The `config.json` of a drafter in a layout of safetensors.
    /// - Parameter type: of all tensors, where they have one.
    static func json(
        _ weights: DrafterWeights, _ layout: DrafterLayout, _ type: WeightType?, output: String
    ) throws(FormatError) -> JSONValue {
        let sizes = weights.configuration
        var members: [(ByteSlice, JSONValue)] = []
        func add(_ key: String, _ value: JSONValue) { members.append((ByteSlice(key), value)) }
        switch layout {
        case .apple, .tensorRT, .gguf:
            add("model_type", .string(recurrentType))
            add("vocab_size", .integer(sizes.vocabularySize))
            add("hidden_size", .integer(sizes.hiddenSize))
            add("exit_dim", .integer(sizes.exitDimension))
            add("num_draft_layers", .integer(sizes.layers))
            add("num_lookback_tokens", .integer(-1))
            add("rnn", .bool(sizes.isRecurrent))
        case .medusa:
            add("model_type", .string("medusa"))
            add("medusa_num_heads", .integer(sizes.heads))
            add("medusa_num_layers", .integer(sizes.layers))
            add("hidden_size", .integer(sizes.hiddenSize))
            add("vocab_size", .integer(sizes.vocabularySize))
            let base = weights.notes.first { $0.key == "base_model" }?.value
            if let base { add("base_model_name_or_path", .string(base)) }
        case .vllm:
            add("model_type", .string("medusa"))
            add("architectures", .array([.string("MedusaModel")]))
            add("hidden_size", .integer(sizes.hiddenSize))
            add("vocab_size", .integer(try weights.requiredModelVocabularySize()))
            if weights.draftVocabulary != nil { add("truncated_vocab_size", .integer(sizes.vocabularySize)) }
            add("num_heads", .integer(sizes.heads))
            add("num_hidden_layers", .integer(sizes.layers))
            add("medusa_fc_bias", .bool(true))
        }
        let name: String? =
            switch type {
            case .f32: "float32"
            case .f16: "float16"
            case .bf16: "bfloat16"
            default: nil
            }
        if let name { add("torch_dtype", .string(name)) }
        let record = DrafterRecord(fingerprint: weights.fingerprint, notes: weights.notes)
        if let json = record.json { add("redrafter", json) }
        return .object(JSONObject(members))
    }
}
