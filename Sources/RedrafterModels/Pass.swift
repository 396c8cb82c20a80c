import RedrafterCore

/// What one pass over the layers works on: its rows, the cache they extend, the buffers they go through and the stream that
/// the work is recorded on.
struct Pass {
    let plan: RowPlan
    let cache: any CacheStorage
    let state: TransformerState
    let stream: any ComputeStream

    /// The first rows of a buffer, one for each row of the pass.
    func rows(of buffer: Tensor) -> Tensor { buffer.prefix(plan.count) }

    /// Copies some rows of a matrix, in the order given.
    func gathered(_ rows: [Int], of input: Tensor, into buffer: Tensor) -> Tensor {
        let output = buffer.prefix(rows.count)
        stream.gatherRows(input, rows: rows, into: output)
        return output
    }
}
