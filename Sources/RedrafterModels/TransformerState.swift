import RedrafterCore

/// The activations of one pass after the other, allocated once. Passes that run at the same time need a state each.
///
/// A pass gives logits for as many rows as the largest tree has.
struct TransformerState: Sendable {
    /// Rows one pass can hold.
    let maximumRows: Int

    let residual: Tensor  // [maximumRows, hidden]
    let normed: Tensor  // [maximumRows, hidden]
    let queries: Tensor  // [maximumRows, heads·d]
    let keys: Tensor  // [maximumRows, keyValueHeads·d]
    let values: Tensor  // [maximumRows, keyValueHeads·d]
    let attended: Tensor  // [maximumRows, heads·d]
    let gated: Tensor  // [maximumRows, feedForward]
    let selectedResidual: Tensor  // [logitRows, hidden]
    let selectedAttended: Tensor  // [logitRows, heads·d]
    let hidden: Tensor  // [logitRows, hidden]
    let logits: Tensor  // [logitRows, vocabulary]
    /// Outputs of the layers that are tapped. `[maximumRows, hidden]` each
    private(set) var taps: [Int: Tensor] = [:]

    /// - Parameters:
    ///   - configuration: of the model that the buffers serve.
    ///   - maximumRows: rows of the largest pass.
    ///   - backend: where they lie.
    /// - Throws: `TransformerError.backend` with `.outOfMemory`.
    init(
        _ configuration: ModelConfiguration, maximumRows: Int, on backend: any ComputeBackend
    ) throws(TransformerError) {
        precondition(maximumRows > 0, "a pass has at least one row")
        let logitRows = Self.logitRows(of: maximumRows)
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

    /// Makes room for the outputs of more layers.
    mutating func tap(_ layers: Set<Int>, on backend: any ComputeBackend) throws(BackendError) {
        for layer in layers where taps[layer] == nil {
            taps[layer] = try backend.makeTensor(rows: maximumRows, columns: residual.columns)
        }
    }

    /// Bytes that a state takes.
    static func byteCount(_ configuration: ModelConfiguration, maximumRows: Int) -> CheckedSize {
        let queryWidth = CheckedSize(configuration.heads) * configuration.headDimension
        let keyWidth = CheckedSize(configuration.keyValueHeads) * configuration.headDimension
        let hidden = CheckedSize(configuration.hiddenSize)
        let row = hidden * 2 + queryWidth * 2 + keyWidth * 2 + configuration.feedForwardSize
        let logitRow = hidden * 2 + queryWidth + configuration.vocabularySize
        return (row * maximumRows + logitRow * logitRows(of: maximumRows)) * 4
    }

    private static func logitRows(of maximumRows: Int) -> Int { min(maximumRows, TreeLimits.maximumRows) }
}
