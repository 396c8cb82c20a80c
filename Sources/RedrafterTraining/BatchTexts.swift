/// Whole texts, for drafters that see the text before a position: their positions lie in these, text after text.
///
/// Row r of a text has been fed its token r and gives the outputs of the model's tapped layers; token r + 1 follows. A position is the
/// row whose following token is the root of its draft.
public struct BatchTexts: Sendable {
    /// Outputs of layers that a row has.
    public let taps: Int
    /// The first row of each text, and the number of all rows at the end. `[texts + 1]`
    public private(set) var starts = [0]
    /// The first position of each text, and the number of all positions at the end. `[texts + 1]`
    public private(set) var positionStarts = [0]
    /// The row of each position, counted over all texts; ascending. `[N]`
    public private(set) var positionRows: [Int32] = []
    /// The token after each row. `[rows]`
    public var following: [Int32] = []
    /// Outputs of the tapped layers side by side. `[rows, taps · H]`
    public var outputs: [Float] = []

    public init(taps: Int) { self.taps = taps }

    /// Adds a text.
    /// - Parameters:
    ///   - following: the token after each row.
    ///   - outputs: of the tapped layers. `[rows, taps · H]`
    ///   - positions: rows of the text that are positions, ascending.
    public mutating func append(
        following: some Collection<Int32>, outputs: some Collection<Float>, positions: some Sequence<Int>
    ) {
        let start = starts[starts.count - 1]
        self.following.append(contentsOf: following)
        self.outputs.append(contentsOf: outputs)
        positionRows.append(contentsOf: positions.map { Int32(start + $0) })
        starts.append(start + following.count)
        positionStarts.append(positionRows.count)
    }

    /// Texts.
    public var count: Int { starts.count - 1 }

    /// Rows of a text.
    func rows(_ text: Int) -> Range<Int> { starts[text]..<starts[text + 1] }

    /// Positions of a text.
    func positions(_ text: Int) -> Range<Int> { positionStarts[text]..<positionStarts[text + 1] }
}

/// One text of a batch on one thread.
public struct TextView {
    /// The token after each row. `[rows]`
    public let following: ArraySlice<Int32>
    /// Outputs of the tapped layers side by side. `[rows, taps · H]`
    public let outputs: Matrix
    /// The row of each of the chunk's positions, counted from the text's first. `[positions]`
    public let positionRows: [Int32]
}
