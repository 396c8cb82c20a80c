import RedrafterCore
import RedrafterFormats

/// All answers of a data set, by rows: row i is one token of an answer with the hidden state and the distribution that it was
/// chosen from.
///
/// Answers whose place in the run is a multiple of `heldOutEvery` are never trained on.
public struct DistillationData: Sendable {
    public let manifest: DistillationManifest
    public let shards: [DistillationShard]
    /// SHA-256 of the shards' names and bytes.
    public let digest: String
    /// Rows before each shard, and all rows at the end. `[shards + 1]`
    private let starts: [Int]
    /// The row after the last one of the answer that a row belongs to. `[rows]`
    private let ends: [Int32]
    /// Hidden states that were computed anew, as half-precision bits, for data that holds none. `[rows, hidden]`
    private var recomputed: [UInt16] = []
    private let hiddenSize: Int

    /// One answer in 50 is held out.
    public static let heldOutEvery = 50

    /// Opens the shards that the manifest names; reads all of them once, to see that they are what was written.
    /// - Parameters:
    ///   - directory: of the data set.
    ///   - limit: stops after the shard that reaches so many tokens.
    ///   - onCheck: called with the bytes to read, before that takes seconds.
    /// - Throws: `FormatError`; `.altered` for a shard whose bytes are others; `.missingField` where there is no answer.
    public init(
        directory: String, limit: Int? = nil, onCheck: (Int) -> Void = { _ in }
    ) throws(FormatError) {
        manifest = try DistillationManifest(directory: directory)
        digest = try manifest.check(in: directory, limit: limit, onCheck: onCheck)
        hiddenSize = manifest.fingerprint.hiddenSize
        var shards = [DistillationShard]()
        var starts = [0]
        var ends = [Int32]()
        for entry in manifest.part(limit) {
            let path = "\(directory)/\(entry.file)"
            let shard = try DistillationShard(path: path, vocabularySize: manifest.fingerprint.vocabularySize)
            guard shard.shape == manifest.shape, shard.tokens.count == entry.tokens else {
                throw .invalid(
                    file: path, field: "its size", expected: "\(entry.tokens) tokens as the manifest says",
                    got: "\(shard.tokens.count) tokens, \(shard.shape)", offset: nil)
            }
            guard let start = starts.last, start + shard.tokens.count <= Int(Int32.max) else {
                throw .unsupported(file: directory, what: "more than \(Int32.max) tokens", supported: "less")
            }
            for answer in shard.answers {
                ends.append(
                    contentsOf: repeatElement(Int32(start + answer.rows.upperBound), count: answer.rows.count)
                )
            }
            shards.append(shard)
            starts.append(start + shard.tokens.count)
        }
        guard !ends.isEmpty else {
            throw .missingField(
                file: "\(directory)/\(DistillationManifest.fileName)", field: "an answer",
                expected: "data that `redrafter distill generate` has made; no usable samples")
        }
        self.shards = shards
        self.starts = starts
        self.ends = ends
    }

    /// Tokens of all answers.
    public var rows: Int { ends.count }

    /// Whether hidden states are there: stored, or computed anew.
    public var hasHidden: Bool { manifest.shape.hiddenSize > 0 || !recomputed.isEmpty }

    /// Gives the hidden states that the data lacks.
    /// - Parameter hidden: half-precision bits of all rows. `[rows, hidden]`
    public mutating func provideHidden(_ hidden: [UInt16]) {
        precondition(hidden.count == rows * hiddenSize, "a hidden state for each row")
        recomputed = hidden
    }

    /// Whether an answer is kept for evaluation.
    public static func isHeldOut(_ answer: DistillationShard.Answer) -> Bool {
        answer.item % heldOutEvery == 0
    }

    /// Rows of the answers that are kept for evaluation, or of all others.
    func rows(isHeldOut: Bool) -> some Sequence<Int> {
        zip(shards, starts).lazy.flatMap { shard, start in
            shard.answers.lazy.filter { Self.isHeldOut($0) == isHeldOut }
                .flatMap { $0.rows.lowerBound + start..<$0.rows.upperBound + start }
        }
    }

    /// Rows that can be the root of a draft: at least one token follows.
    /// - Parameter isHeldOut: those that are never trained on, or all others.
    public func roots(isHeldOut: Bool) -> [Int32] {
        var result = [Int32]()
        for (shard, start) in zip(shards, starts) {
            for answer in shard.answers where Self.isHeldOut(answer) == isHeldOut {
                let rows = answer.rows.lowerBound + start..<answer.rows.upperBound + start - 1
                result.append(contentsOf: rows.lazy.map { Int32($0) })
            }
        }
        return result
    }

    /// The rows of a row's answer from it on.
    func rest(of row: Int) -> Range<Int> { row..<Int(ends[row]) }

    /// The first row of each stretch of `size` roots of an answer, the last one shorter.
    /// - Parameters:
    ///   - size: roots in a stretch.
    ///   - isHeldOut: those of answers that are never trained on, or all others.
    public func stretches(of size: Int, isHeldOut: Bool) -> [Int32] {
        var result = [Int32]()
        for (shard, start) in zip(shards, starts) {
            for answer in shard.answers where Self.isHeldOut(answer) == isHeldOut {
                let roots = answer.rows.lowerBound + start..<answer.rows.upperBound + start - 1
                result.append(
                    contentsOf: stride(from: roots.lowerBound, to: roots.upperBound, by: size).lazy.map {
                        Int32($0)
                    })
            }
        }
        return result
    }

    /// Prompt and tokens of the answer that a row belongs to, and the row's place in the answer.
    func text(of row: Int) -> (prompt: ArraySlice<Int32>, answer: ArraySlice<Int32>, place: Int) {
        let place = place(row)
        let shard = shards[place.shard]
        guard let answer = shard.answers.first(where: { $0.rows.contains(place.row) }) else {
            preconditionFailure("row \(row) belongs to no answer")
        }
        return (
            shard.promptTokens[answer.prompt], shard.tokens[answer.rows], place.row - answer.rows.lowerBound
        )
    }

    func token(_ row: Int) -> Int32 {
        let place = place(row)
        return shards[place.shard].tokens[place.row]
    }

    func forEachTop(_ row: Int, _ body: (_ token: Int32, _ logProbability: Float) -> Void) {
        let place = place(row)
        shards[place.shard].forEachTop(place.row, body)
    }

    /// Writes the hidden state of a row of a shard. `[hidden]`
    public func copyHidden(shard: Int, row: Int, into output: UnsafeMutablePointer<Float>) {
        if recomputed.isEmpty {
            shards[shard].copyHidden(row, into: output)
        } else {
            let start = (starts[shard] + row) * hiddenSize
            for index in 0..<hiddenSize { output[index] = Float(halfBits: recomputed[start + index]) }
        }
    }

    func copyHidden(_ row: Int, into output: UnsafeMutablePointer<Float>) {
        let place = place(row)
        copyHidden(shard: place.shard, row: place.row, into: output)
    }

    private func place(_ row: Int) -> (shard: Int, row: Int) {
        var (low, high) = (0, shards.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= row { low = middle } else { high = middle }
        }
        return (low, row - starts[low])
    }
}
