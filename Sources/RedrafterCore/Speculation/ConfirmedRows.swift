/// Rows of a pass that became part of the text, for drafters that follow it: each has a token in the cache of the model, and
/// the token after it is certain, too.
public struct ConfirmedRows {
    /// Absolute position of the first row. Below what a state has seen, the text was rewound to here.
    public let start: Int
    /// The token after each row. `[rows]`
    public let following: ArraySlice<Int32>
    /// The model's embedding table. `[vocabulary, hidden]`
    public let embedding: any WeightHandle
    /// The stream that the pass was recorded on.
    public let stream: any ComputeStream
    private let taps: [Int: Tensor]
    private let passRows: ArraySlice<Int>

    /// - Parameters:
    ///   - start: absolute position of the first row.
    ///   - following: the token after each row.
    ///   - passRows: which rows of the pass they are.
    ///   - taps: outputs of layers for all rows of the pass. `[rows of the pass, hidden]`
    ///   - embedding: the model's.
    ///   - stream: the stream of the pass.
    public init(
        start: Int, following: ArraySlice<Int32>, passRows: ArraySlice<Int>, taps: [Int: Tensor],
        embedding: any WeightHandle, stream: any ComputeStream
    ) {
        precondition(following.count == passRows.count, "each row has a following token")
        self.start = start
        self.following = following
        self.passRows = passRows
        self.taps = taps
        self.embedding = embedding
        self.stream = stream
    }

    public var count: Int { following.count }

    /// Records a copy of a layer's output for all rows.
    /// - Parameters:
    ///   - layer: one of the drafter's `requirements.taps`.
    ///   - output: receives it. `[at least row + rows, hidden]`
    ///   - row: the first row of the output that is written.
    public func copyTap(_ layer: Int, into output: Tensor, at row: Int = 0) {
        guard let tap = taps[layer] else {
            preconditionFailure("the drafter does not require layer \(layer)")
        }
        stream.gatherRows(tap, rows: Array(passRows), into: output, at: row)
    }

    /// Some of the rows; `range` counts from 0.
    public subscript(range: Range<Int>) -> ConfirmedRows {
        ConfirmedRows(
            start: start + range.lowerBound,
            following: following.dropFirst(range.lowerBound).prefix(range.count),
            passRows: passRows.dropFirst(range.lowerBound).prefix(range.count), taps: taps,
            embedding: embedding, stream: stream)
    }
}
