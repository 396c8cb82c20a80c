import DrafterHeads
import RedrafterFormats

extension DrafterLayout {
    /// The reference implementation of Medusa: `{k}.{j}.linear.*`, `{k}.{n}.weight`.
    public static let medusa = DrafterLayout(MedusaLayout())
    /// vLLM's Medusa: `blocks.{k}.layers.{j}.*`, `lm_heads.{k}.weight`, and a `token_map` for a draft vocabulary.
    public static let vllm = DrafterLayout(VLLMLayout())
}

extension MedusaConfiguration {
    public static func recognize(
        _ names: [String], configuration: JSONValue?
    ) -> DrafterRecognition {
        func has(_ layout: some SafetensorsLayout) -> Bool {
            names.contains { layout.role(ofName: layout.stripped($0)) != nil }
        }
        if has(VLLMLayout()) { return .possible(.vllm) }
        return has(MedusaLayout()) ? .possible(.medusa) : .foreign
    }

    public static func isDescribed(by configuration: JSONValue) -> Bool {
        configuration["model_type"]?.string == "medusa" || configuration["medusa_num_heads"] != nil
            || configuration["truncated_vocab_size"] != nil
    }

    init(_ shapes: HeadShapes) {
        self.init(
            hiddenSize: shapes.sizes.exitDimension, layers: shapes.sizes.layers, heads: shapes.heads,
            vocabularySize: shapes.sizes.vocabularySize)
    }
}

/// Checkpoints of a whole model put the name of the module before the heads.
let medusaPrefixes = ["medusa_head.", "medusa_heads."]

/// The reference implementation's.
struct MedusaLayout: SafetensorsLayout {
    let name = "medusa"
    let fileName = "medusa_lm_head.safetensors"
    let prefixes = medusaPrefixes

    func role(ofName name: String) -> DrafterRole? {
        let parts = HeadNames.split(name)
        return parts.first.flatMap(HeadNames.number).flatMap { HeadNames.role(parts, head: $0) }
    }

    /// Numbers of heads and blocks are not compared with the configuration's: published configurations are wrong there.
    func read(_ parts: DrafterParts) throws(FormatError) -> DrafterWeights {
        let configuration = MedusaConfiguration(try HeadShapes(parts, self))
        try parts.settings.check("hidden_size", against: configuration.hiddenSize)
        return try parts.weights(configuration)
    }

    func configuration(
        _ sizes: MedusaConfiguration, of weights: DrafterWeights
    ) -> [(key: String, value: JSONValue)] {
        let base = weights.notes.first { $0.key == "base_model" }?.value
        return [
            ("model_type", .string("medusa")), ("medusa_num_heads", .integer(sizes.heads)),
            ("medusa_num_layers", .integer(sizes.layers)), ("hidden_size", .integer(sizes.hiddenSize)),
            ("vocab_size", .integer(sizes.vocabularySize)),
        ] + (base.map { [("base_model_name_or_path", .string($0))] } ?? [])
    }
}
