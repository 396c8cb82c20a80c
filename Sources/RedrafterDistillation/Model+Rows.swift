import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTraining

extension Model {
    /// The embedding table as floats. `[vocabulary, hidden]`
    func embeddingRows() throws(RedrafterError) -> [Float] { try storedTensors().values(of: .embedding) }

    /// Rows of the LM head as floats. `[vocabulary, hidden]`
    func headRows() throws(RedrafterError) -> [Float] {
        try storedTensors().values(of: configuration.tiedEmbeddings ? .embedding : .head)
    }

    /// What a drafter may take over.
    var sizes: ModelSizes {
        ModelSizes(
            hiddenSize: configuration.hiddenSize, layers: configuration.layers, heads: configuration.heads,
            keyValueHeads: configuration.keyValueHeads, headDimension: configuration.headDimension,
            feedForwardSize: configuration.feedForwardSize, normEpsilon: configuration.normEpsilon,
            rotaryBase: configuration.rotaryBase)
    }

    /// The parts that a drafter may begin with, as floats.
    func parts() throws(RedrafterError) -> [ModelParts.Part: [Float]] {
        let tensors = try storedTensors()
        var result = [ModelParts.Part: [Float]]()
        for part in ModelParts.Part.allCases {
            let role = role(of: part)
            // A norm that the model's layers do not have is one that changes nothing.
            let values =
                tensors[role] == nil && role.isNorm
                ? [Float](repeating: 1, count: configuration.hiddenSize) : tensors.values(of: role)
            let turnsNeighbours = configuration.rotaryPairing == .neighbours
            result[part] = turnsNeighbours && (part == .query || part == .key) ? halved(values) : values
        }
        return result
    }

    private func role(of part: ModelParts.Part) -> WeightRole {
        let last = configuration.layers - 1
        return switch part {
        case .finalNorm: .finalNorm
        case .attentionNorm: .layer(last, .attentionNorm)
        case .feedForwardNorm: .layer(last, .feedForwardNorm)
        case .query: .layer(last, .query)
        case .key: .layer(last, .key)
        case .value: .layer(last, .value)
        case .gate: .layer(last, .gate)
        case .up: .layer(last, .up)
        }
    }

    /// Rows of heads whose neighbours are turned together, in the order in which halves are.
    private func halved(_ values: [Float]) -> [Float] {
        let (columns, d) = (configuration.hiddenSize, configuration.headDimension)
        let half = configuration.rotaryDimension / 2
        var result = values
        for row in 0..<values.count / columns where row % d < 2 * half {
            let (place, head) = (row % d, row - row % d)
            let target = head + place % 2 * half + place / 2
            result.replaceSubrange(
                target * columns..<(target + 1) * columns, with: values[row * columns..<(row + 1) * columns])
        }
        return result
    }

    /// The weights as the model's file has them: the backend holds them in a layout of its own.
    private func storedTensors() throws(RedrafterError) -> ModelTensors {
        let source: ModelSource
        do throws(FormatError) { source = try ModelSource(path: path) } catch { throw .format(error) }
        do throws(ModelError) {
            switch source {
            case .gguf(let file): return try ModelTensors(configuration, in: file)
            case .huggingFace(let files):
                return try ModelTensors(
                    configuration, inHuggingFace: files, configurationPath: files.directory + "/config.json")
            }
        } catch {
            throw .model(error)
        }
    }
}

extension ModelTensors {
    /// A weight as floats.
    fileprivate func values(of role: WeightRole) -> [Float] {
        guard let view = self[role] else { preconditionFailure("the model was loaded with \(role)") }
        let offset = offset(of: role)
        let stored = [Float](unsafeUninitializedCapacity: view.shape.reduce(1, *)) { buffer, count in
            count = view.shape.reduce(1, *)
            Quantization.dequantize(
                type: view.type, bytes: view.bytes,
                into: UnsafeMutableBufferPointer(rebasing: buffer[0..<count]))
        }
        return offset == 0 ? stored : stored.map { $0 + offset }
    }
}
