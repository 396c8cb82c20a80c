import RedrafterCore

/// The activations of one stream of passes, allocated once. Passes that run at the same time need a state each.
public struct TransformerState: Sendable {
    /// Rows whose logits one pass can give; the largest tree.
    public static let maximumLogitRows = 64

    /// Rows a state needs for prefill in chunks and for trees.
    public static func rows(forChunk chunk: Int) -> Int { max(chunk, maximumLogitRows) }

    /// Rows one pass can hold.
    public let maximumRows: Int

    let residual: Tensor  // [maximumRows, hidden]
    let normed: Tensor  // [maximumRows, hidden]
    let queries: Tensor  // [maximumRows, heads·d]
    let keys: Tensor  // [maximumRows, keyValueHeads·d]
    let values: Tensor  // [maximumRows, keyValueHeads·d]
    let attended: Tensor  // [maximumRows, heads·d]
    let gated: Tensor  // [maximumRows, feedForward]
    let selectedResidual: Tensor  // [maximumLogitRows, hidden]
    let selectedAttended: Tensor  // [maximumLogitRows, heads·d]
    let hidden: Tensor  // [maximumLogitRows, hidden]
    let logits: Tensor  // [maximumLogitRows, vocabulary]

    /// - Parameters:
    ///   - configuration: of the model that the buffers serve.
    ///   - maximumRows: the prefill chunk; at least as many as a tree has.
    ///   - backend: where they lie.
    /// - Throws: `TransformerError.backend` with `.outOfMemory`.
    public init(
        _ configuration: ModelConfiguration, maximumRows: Int = 512, on backend: any ComputeBackend
    ) throws(TransformerError) {
        precondition(maximumRows > 0, "a pass has at least one row")
        let logitRows = min(maximumRows, Self.maximumLogitRows)
        let queryWidth = configuration.heads * configuration.headDimension
        let keyWidth = configuration.keyValueHeads * configuration.headDimension
        self.maximumRows = maximumRows
        do {
            residual = try backend.makeTensor(rows: maximumRows, columns: configuration.hiddenSize)
            normed = try backend.makeTensor(rows: maximumRows, columns: configuration.hiddenSize)
            queries = try backend.makeTensor(rows: maximumRows, columns: queryWidth)
            keys = try backend.makeTensor(rows: maximumRows, columns: keyWidth)
            values = try backend.makeTensor(rows: maximumRows, columns: keyWidth)
            attended = try backend.makeTensor(rows: maximumRows, columns: queryWidth)
            gated = try backend.makeTensor(rows: maximumRows, columns: configuration.feedForwardSize)
            selectedResidual = try backend.makeTensor(rows: logitRows, columns: configuration.hiddenSize)
            selectedAttended = try backend.makeTensor(rows: logitRows, columns: queryWidth)
            hidden = try backend.makeTensor(rows: logitRows, columns: configuration.hiddenSize)
            logits = try backend.makeTensor(rows: logitRows, columns: configuration.vocabularySize)
        } catch {
            throw .backend(error)
        }
    }

    /// Bytes that a state takes.
    public static func byteCount(_ configuration: ModelConfiguration, maximumRows: Int = 512) -> CheckedSize {
        let queryWidth = CheckedSize(configuration.heads) * configuration.headDimension
        let keyWidth = CheckedSize(configuration.keyValueHeads) * configuration.headDimension
        let hidden = CheckedSize(configuration.hiddenSize)
        let row = hidden * 2 + queryWidth * 2 + keyWidth * 2 + configuration.feedForwardSize
        let logitRow = hidden * 2 + queryWidth + configuration.vocabularySize
        return (row * maximumRows + logitRow * min(maximumRows, maximumLogitRows)) * 4
    }
}
