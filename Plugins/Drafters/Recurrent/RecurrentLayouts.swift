import DrafterHeads
import RedrafterFormats

extension DrafterLayout {
    /// The reference implementation of ReDrafter: `rnn_u.*`, `rnn_w.weight`, `input_proj.*`, `lm_head.{i}.linear.*`,
    /// `lm_head.{n}.weight`.
    public static let apple = DrafterLayout(AppleLayout())
    /// The spellings that TensorRT-LLM's converter takes besides: `input_projs.*`, `lm_heads.{i}.linear.*` or
    /// `0.{i}.linear.*`. Written with the first two.
    public static let tensorRT = DrafterLayout(TensorRTLayout())
}

extension RecurrentConfiguration {
    private static let modelType = "recurrent_drafting_drafter"

    /// `0.0.linear.weight` may be a block of the only head of Medusa or of a recurrent drafter, and `lm_heads.0.weight` is known to
    /// vLLM and TensorRT-LLM. What only recurrent drafters have decides, in the tensors or else in the configuration.
    public static func recognize(
        _ names: [String], configuration: JSONValue?
    ) -> DrafterRecognition {
        let marks = ["rnn_u.", "rnn_w.", "input_proj.", "input_projs."]
        let isOwn =
            names.contains { name in marks.contains { name.hasPrefix($0) } }
            || configuration.map(isDescribed) ?? false
            || names.contains { AppleLayout().role(ofName: $0) != nil }
        guard isOwn else { return .foreign }
        let parts = names.filter { TensorRTLayout().role(ofName: $0) != nil }
        guard !parts.isEmpty else { return .certain(nil) }
        return .certain(parts.allSatisfy { AppleLayout().role(ofName: $0) != nil } ? .apple : .tensorRT)
    }

    public func fitted(
        _ weights: DrafterWeights, in layout: DrafterLayout
    ) throws(FormatError) -> (weights: DrafterWeights, warning: String?) {
        guard layout != .gguf else { return (weights, nil) }
        guard context == nil else { throw noRoomForBlock(weights.path, layout) }
        guard copyLengths > 0 else { return (weights, nil) }
        var plain = self
        plain.copyLengths = 0
        return (
            try weights.reduced(to: plain),
            "the layout \(layout.name) has no room for what the drafter copies from the text: without that it guesses worse; "
                + "for a drafter to serve there, train with --copy-lengths 0"
        )
    }

    private func noRoomForBlock(_ path: String, _ layout: DrafterLayout) -> FormatError {
        .unsupported(
            file: path,
            what:
                "a context block in the layout \(layout.name). That layout holds the plain recurrent drafter, which would read "
                + "the model's last hidden state in place of the block and guess worse",
            supported: DrafterLayout.gguf.name)
    }

    public static func isDescribed(by configuration: JSONValue) -> Bool {
        configuration["model_type"]?.string == modelType || configuration["exit_dim"] != nil
            || configuration["num_draft_layers"] != nil
    }

    /// The sizes of tensors in a file.
    fileprivate init(_ parts: DrafterParts, _ layout: some SafetensorsLayout) throws(FormatError) {
        let shapes = try HeadShapes(parts, layout)
        let exit = shapes.sizes.exitDimension
        let isRecurrent =
            parts.views[.state] != nil || parts.views[.token] != nil || parts.views[.stateBias] != nil
        let stated = try parts.settings.flag("rnn")
        if stated == false, isRecurrent {
            throw parts.settings.contradiction(
                "rnn", expected: "true, for the file has tensors rnn_u and rnn_w", got: "false")
        }
        let wide = parts.views[.inputProjection]?.shape[1] ?? exit
        let hidden = parts.views[.state]?.shape[0] ?? wide / 2
        guard parts.views[.inputProjection] == nil || exit != 2 * hidden else {
            throw .invalid(
                file: parts.path, field: "tensor \"input_proj.weight\"",
                expected: "absent, for exit_dim is twice hidden_size (\(hidden))", got: "present", offset: nil
            )
        }
        self.init(
            hiddenSize: hidden, exitDimension: exit, layers: shapes.sizes.layers,
            vocabularySize: shapes.sizes.vocabularySize, isRecurrent: stated ?? isRecurrent)
    }

    /// What the spellings have in common.
    fileprivate static func role(
        _ parts: [Substring], heads: [Substring], projections: [Substring]
    ) -> DrafterRole? {
        guard let first = parts.first, let last = parts.last, last == "weight" || last == "bias" else {
            return nil
        }
        let isBias = last == "bias"
        guard parts.count == 2 else {
            return heads.contains(first) ? HeadNames.role(parts, head: 0) : nil
        }
        switch first {
        case "rnn_u": return isBias ? .stateBias : .state
        case "rnn_w": return isBias ? nil : .token
        case _ where projections.contains(first): return isBias ? .inputProjectionBias : .inputProjection
        default: return nil
        }
    }

    fileprivate static func read(
        _ parts: DrafterParts, _ layout: some SafetensorsLayout
    ) throws(FormatError) -> DrafterWeights {
        let sizes = try RecurrentConfiguration(parts, layout)
        try parts.settings.check("hidden_size", against: sizes.hiddenSize)
        try parts.settings.check("exit_dim", against: sizes.exitDimension)
        try parts.settings.check("num_draft_layers", against: sizes.layers)
        try parts.settings.check("vocab_size", against: sizes.vocabularySize)
        return try parts.weights(sizes)
    }

    fileprivate var json: [(key: String, value: JSONValue)] {
        [
            ("model_type", .string(Self.modelType)), ("vocab_size", .integer(vocabularySize)),
            ("hidden_size", .integer(hiddenSize)), ("exit_dim", .integer(exitDimension)),
            ("num_draft_layers", .integer(layers)), ("num_lookback_tokens", .integer(-1)),
            ("rnn", .bool(isRecurrent)),
        ]
    }
}

/// The reference implementation's, whose names are the canonical ones.
struct AppleLayout: SafetensorsLayout {
    let name = "apple"

    func role(ofName name: String) -> DrafterRole? {
        RecurrentConfiguration.role(
            HeadNames.split(name), heads: ["lm_head"], projections: ["input_proj"])
    }

    func read(_ parts: DrafterParts) throws(FormatError) -> DrafterWeights {
        try RecurrentConfiguration.read(parts, self)
    }

    func configuration(
        _ sizes: RecurrentConfiguration, of weights: DrafterWeights
    ) -> [(key: String, value: JSONValue)] { sizes.json }
}

/// TensorRT-LLM's.
struct TensorRTLayout: SafetensorsLayout {
    let name = "tensorrt-llm"

    func role(ofName name: String) -> DrafterRole? {
        RecurrentConfiguration.role(
            HeadNames.split(name), heads: ["lm_head", "lm_heads", "0"],
            projections: ["input_proj", "input_projs"])
    }

    func name(of tensor: TensorSpecification) -> String {
        for part in ["input_proj", "lm_head"] where tensor.name.hasPrefix("\(part).") {
            return "\(part)s" + tensor.name.dropFirst(part.count)
        }
        return tensor.name
    }

    func read(_ parts: DrafterParts) throws(FormatError) -> DrafterWeights {
        try RecurrentConfiguration.read(parts, self)
    }

    func configuration(
        _ sizes: RecurrentConfiguration, of weights: DrafterWeights
    ) -> [(key: String, value: JSONValue)] { sizes.json }
}
