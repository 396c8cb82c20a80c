import RedrafterCore

/// Finds the parts of a drafter among tensors in safetensors, whatever spelling they have, and works out its sizes from
/// their shapes: configurations that are published with drafters are often wrong or absent.
struct SafetensorsDrafter {
    private let model: SafetensorsModel
    private let configuration: DrafterFileConfiguration
    private let layout: DrafterLayout
    private var views = [DrafterRole: TensorView]()
    /// The place among the blocks that the name of an LM head says, by head.
    private var outputIndices = [Int: (index: Int, name: String)]()
    private var tokenMap: SafetensorsFile.TensorInfo?
    private var tokenMapFile: MappedFile?
    private var surplus = [String]()

    static let tokenMapName = "token_map"

    /// Sorts the tensors by their roles.
    /// - Throws: `FormatError` for files that hold no drafter, parts that are there twice or of a type that is not read.
    init(_ model: SafetensorsModel, _ json: JSONValue?) throws(FormatError) {
        self.model = model
        let names = model.files.flatMap { $0.allTensors.map(\.name) }
        let path = FilePath.join(model.directory, DrafterSource.configurationName)
        guard let layout = Self.layout(of: model, json) else {
            let shown = names.sorted().prefix(3).map { "\"\(TerminalText.escaped($0, limit: 40))\"" }
            throw .invalid(
                file: model.path, field: "the set of tensors",
                expected: "those of a drafter (rnn_u, input_proj, lm_head.0, blocks.0, 0.0.linear, …)",
                got: names.isEmpty ? "empty" : shown.joined(separator: ", ") + (names.count > 3 ? ", …" : ""),
                offset: nil)
        }
        self.layout = layout
        configuration = try DrafterFileConfiguration(json, path: path)
        for file in model.files {
            for info in file.allTensors { try sort(info, in: file) }
        }
    }

    /// The layout of tensors in safetensors; nil where they are no drafter's.
    ///
    /// Spellings overlap: `0.0.linear.weight` may be a block of the only head of Medusa or of a recurrent drafter, and
    /// `lm_heads.0.weight` is known to vLLM and TensorRT-LLM. What only recurrent drafters have decides, in the tensors or
    /// else in the configuration.
    static func layout(of model: SafetensorsModel, _ json: JSONValue?) -> DrafterLayout? {
        let names = model.files.flatMap { $0.allTensors.map { stripped($0.name) } }
        func has(_ layout: DrafterLayout) -> Bool { names.contains { layout.role(ofName: $0) != nil } }
        let marks = ["rnn_u.", "rnn_w.", "input_proj.", "input_projs."]
        let isRecurrent =
            names.contains { name in marks.contains { name.hasPrefix($0) } }
            || DrafterFileConfiguration.isRecurrent(json)
        if isRecurrent || names.contains(where: { DrafterLayout.apple.role(ofName: $0) != nil }) {
            guard has(.tensorRT) else { return nil }
            let isApple = names.allSatisfy {
                DrafterLayout.tensorRT.role(ofName: $0) == nil || DrafterLayout.apple.role(ofName: $0) != nil
            }
            return isApple ? .apple : .tensorRT
        }
        if has(.vllm) { return .vllm }
        return has(.medusa) ? .medusa : nil
    }

    /// The name without the prefix of the module that checkpoints of a whole model put before Medusa's heads.
    private static func stripped(_ name: String) -> String {
        for prefix in ["medusa_head.", "medusa_heads."] where name.hasPrefix(prefix) {
            return String(name.dropFirst(prefix.count))
        }
        return name
    }

    private mutating func sort(
        _ info: SafetensorsFile.TensorInfo, in file: SafetensorsFile
    ) throws(FormatError) {
        let name = Self.stripped(info.name)
        if layout == .vllm, name == Self.tokenMapName {
            guard tokenMap == nil else {
                throw .duplicate(file: file.path, what: "tensor", name: info.name, offset: nil)
            }
            tokenMap = info
            tokenMapFile = file.file
            return
        }
        guard let found = layout.role(ofName: name) else {
            surplus.append(info.name)
            return
        }
        let view = try file.requiredTensor(named: info.name)
        let rank = found.role.isBias ? 1 : 2
        guard view.shape.count == rank, view.shape.allSatisfy({ $0 > 0 }) else {
            throw .invalid(
                file: file.path, field: "the shape of tensor \"\(info.name)\"",
                expected: rank == 1 ? "one positive dimension" : "two positive dimensions",
                got: "\(view.shape)",
                offset: nil)
        }
        guard views.updateValue(view, forKey: found.role) == nil else {
            throw .duplicate(
                file: file.path, what: "part of the drafter, in another spelling:", name: info.name,
                offset: nil)
        }
        if let index = found.outputIndex, case .output(let head) = found.role {
            outputIndices[head] = (index, info.name)
        }
    }

    // MARK: Sizes

    /// The weights under canonical names.
    func weights(path: String) throws(FormatError) -> DrafterWeights {
        var warnings = model.warnings
        if !surplus.isEmpty {
            let shown = surplus.sorted().prefix(3).map { TerminalText.escaped($0, limit: 64) }
            warnings.append(
                "\(surplus.count) tensors are no part of a drafter and were left out: "
                    + shown.joined(separator: ", ") + (surplus.count > 3 ? ", …" : ""))
        }
        let sizes = try sizes()
        let vocabulary = try draftVocabulary(rows: sizes.vocabularySize)
        var final = sizes
        if let vocabulary { final.vocabularySize = vocabulary.count }
        try configuration.check(sizes, layout: layout)
        var notes = configuration.record.notes
        if vocabulary != nil, let size = configuration.vocabularySize,
            !notes.contains(where: { $0.key == DrafterNote.vocabularySizeKey })
        {
            notes.append(DrafterNote(DrafterNote.vocabularySizeKey, "\(size)"))
        }
        return try DrafterWeights(
            path: path, configuration: final, tensors: try tensors(final, vocabulary, &warnings),
            draftVocabulary: vocabulary, fingerprint: configuration.record.fingerprint, notes: notes,
            warnings: warnings)
    }

    private func sizes() throws(FormatError) -> DrafterConfiguration {
        var heads = 0
        var layers = 0
        for role in views.keys {
            switch role {
            case .block(let head, let layer), .blockBias(let head, let layer):
                heads = max(heads, head + 1)
                layers = max(layers, layer + 1)
            case .output(let head): heads = max(heads, head + 1)
            default: break
            }
        }
        for (head, output) in outputIndices.sorted(by: { $0.key < $1.key }) where output.index != layers {
            throw .invalid(
                file: model.path, field: "the LM head of head \(head) among its \(layers) residual blocks",
                expected: "in place \(layers)", got: "tensor \"\(output.name)\"", offset: nil)
        }
        guard let output = views[.output(head: 0)] else {
            throw .missingField(
                file: model.path, field: "the LM head of the drafter", expected: "a matrix [vocabulary, size]"
            )
        }
        let exit = output.shape[1]
        guard layout == .apple || layout == .tensorRT else {
            return DrafterConfiguration(
                kind: .medusa, hiddenSize: exit, exitDimension: exit, layers: layers, heads: heads,
                vocabularySize: output.shape[0], isRecurrent: false)
        }
        let isRecurrent = views[.state] != nil || views[.token] != nil || views[.stateBias] != nil
        if configuration.isRecurrent == false, isRecurrent {
            throw .invalid(
                file: configuration.path, field: "rnn",
                expected: "true, for the file has tensors rnn_u and rnn_w",
                got: "false", offset: nil)
        }
        let wide = views[.inputProjection]?.shape[1] ?? exit
        let hidden = views[.state]?.shape[0] ?? wide / 2
        guard views[.inputProjection] == nil || exit != 2 * hidden else {
            throw .invalid(
                file: model.path, field: "tensor \"input_proj.weight\"",
                expected: "absent, for exit_dim is twice hidden_size (\(hidden))", got: "present", offset: nil
            )
        }
        return DrafterConfiguration(
            kind: .recurrent, hiddenSize: hidden, exitDimension: exit, layers: layers,
            vocabularySize: output.shape[0], isRecurrent: configuration.isRecurrent ?? isRecurrent)
    }

    // MARK: Tensors

    private func tensors(
        _ sizes: DrafterConfiguration, _ vocabulary: [Int32]?, _ warnings: inout [String]
    ) throws(FormatError) -> [DrafterTensor] {
        let hasBiases = views.keys.contains { if case .blockBias = $0 { true } else { false } }
        let isBare = layout == .vllm && !hasBiases && sizes.layers > 0
        let isShared = layout == .vllm && configuration.sharesHead
        var result = [DrafterTensor]()
        guard sizes.heads <= DrafterChecker.largestCount, sizes.layers <= DrafterChecker.largestCount else {
            throw .invalid(
                file: model.path, field: "the number of heads or blocks",
                expected: "at most \(DrafterChecker.largestCount)", got: "\(max(sizes.heads, sizes.layers))",
                offset: nil)
        }
        for role in sizes.roles {
            let name = role.canonicalName(kind: sizes.kind, layers: sizes.layers)
            switch (role, views[role]) {
            case (.output, let view?):
                result.append(try head(name, view, vocabulary, sizes))
            case (_, let view?):
                result.append(DrafterTensor(name: name, view))
            case (.blockBias, nil) where isBare:
                // vLLM's blocks have no bias unless `medusa_fc_bias` says so.
                result.append(
                    DrafterTensor(
                        name: name, shape: [sizes.exitDimension],
                        values: [Float](repeating: 0, count: sizes.exitDimension)))
            case (.output, nil) where isShared:
                if let view = views[.output(head: 0)] {
                    result.append(try head(name, view, vocabulary, sizes))
                }
            case (_, nil):
                throw .missingField(
                    file: model.path, field: "tensor \"\(layout.name(of: role, sizes))\"",
                    expected: "a weight of \(sizes.shape(of: role))")
            }
        }
        if views.count > result.count {
            warnings.append(
                "\(views.count - result.count) tensors belong to parts that the drafter does not have")
        }
        return result
    }

    /// An LM head; of one that has all tokens of the model, the rows of the draft vocabulary, as vLLM takes them.
    private func head(
        _ name: String, _ view: TensorView, _ vocabulary: [Int32]?, _ sizes: DrafterConfiguration
    ) throws(FormatError) -> DrafterTensor {
        let tensor = DrafterTensor(name: name, view)
        guard let vocabulary, tensor.rows > vocabulary.count,
            let rowBytes = view.type.rowBytes(columns: tensor.columns)
        else { return tensor }
        for token in vocabulary where Int(token) >= tensor.rows || token < 0 {
            throw .invalid(
                file: model.path, field: "tensor \"\(Self.tokenMapName)\"",
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
            name: name, type: view.type, shape: [vocabulary.count, tensor.columns], content: content)
    }

    /// The `token_map`, where it is in force: with as many tokens as the head has rows, or where the configuration says
    /// that the vocabulary was truncated.
    private func draftVocabulary(rows: Int) throws(FormatError) -> [Int32]? {
        guard let tokenMap, let file = tokenMapFile else { return nil }
        guard tokenMap.type == .i64 || tokenMap.type == .i32, tokenMap.shape.count == 1,
            (1...DrafterChecker.largestVocabulary).contains(tokenMap.shape[0])
        else {
            throw .invalid(
                file: model.path, field: "tensor \"\(tokenMap.name)\"",
                expected: "I64 or I32 of one dimension",
                got: "\(tokenMap.type.rawValue) of \(tokenMap.shape)", offset: nil)
        }
        let count = tokenMap.shape[0]
        guard count == rows || configuration.isTruncated else { return nil }
        let bytes = file.bytes(at: tokenMap.offset, count: tokenMap.byteCount)
        let numbers = (0..<count).map { index in
            tokenMap.type == .i64
                ? Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self)))
                : Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)))
        }
        return try DrafterWeights.tokens(numbers, file: model.path, field: "tensor \"\(tokenMap.name)\"")
    }
}
