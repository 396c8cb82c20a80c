import RedrafterCore
import RedrafterFormats

/// All answers of one or several data sets of a model, by rows: row i is one token of an answer with the hidden state and the
/// distribution that it was chosen from.
///
/// Answers whose place in the run is a multiple of `heldOutEvery` are never trained on.
public struct DistillationData: Sendable {
    /// One for each data set that was read.
    public let manifests: [DistillationManifest]
    public let shards: [DistillationShard]
    /// The shards of each data set.
    public let sets: [Range<Int>]
    /// SHA-256 of the shards' names and bytes; of several data sets, all of them with blanks between.
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

    /// Opens the shards that the manifests name; reads all of them once, to see that they are what was written.
    /// - Parameters:
    ///   - directories: of the data sets, which are of one model and store the same; at least one.
    ///   - limit: stops after the shard that reaches so many tokens.
    ///   - onCheck: called with the bytes to read, before that takes seconds.
    /// - Throws: `FormatError`; `.altered` for a shard whose bytes are others; `.missingField` where there is no answer.
    public init(
        directories: [String], limit: Int? = nil, onCheck: (Int) -> Void = { _ in }
    ) throws(FormatError) {
        precondition(!directories.isEmpty, "at least one data set")
        var manifests = [DistillationManifest]()
        for directory in directories { manifests.append(try DistillationManifest(directory: directory)) }
        for (directory, manifest) in zip(directories, manifests) {
            try manifest.check(isLike: manifests[0], in: directory, other: directories[0])
        }
        var digests = [String]()
        var firstShards = [Int]()
        var shards = [DistillationShard]()
        var starts = [0]
        var ends = [Int32]()
        for (directory, manifest) in zip(directories, manifests) where limit.map({ ends.count < $0 }) ?? true
        {
            let rest = limit.map { $0 - ends.count }
            let digest = try manifest.check(in: directory, limit: rest, onCheck: onCheck)
            guard !digests.contains(digest) else {
                throw .invalid(
                    file: directory, field: "its shards",
                    expected: "other answers than the data sets before it",
                    got: "the same", offset: nil)
            }
            digests.append(digest)
            firstShards.append(shards.count)
            for entry in manifest.part(rest) {
                let shard = try manifest.open(entry, in: directory)
                guard let start = starts.last, start + shard.tokens.count <= Int(Int32.max) else {
                    throw .unsupported(
                        file: directory, what: "more than \(Int32.max) tokens", supported: "less")
                }
                for answer in shard.answers {
                    let end = Int32(start + answer.rows.upperBound)
                    ends.append(contentsOf: repeatElement(end, count: answer.rows.count))
                }
                shards.append(shard)
                starts.append(start + shard.tokens.count)
            }
        }
        guard !ends.isEmpty else {
            throw .missingField(
                file: "\(directories[0])/\(DistillationManifest.fileName)", field: "an answer",
                expected: "data that `redrafter distill generate` has made; no usable samples")
        }
        hiddenSize = manifests[0].fingerprint.hiddenSize
        digest = digests.joined(separator: " ")
        self.manifests = Array(manifests.prefix(digests.count))
        sets = zip(firstShards, firstShards.dropFirst() + [shards.count]).map { $0..<$1 }
        self.shards = shards
        self.starts = starts
        self.ends = ends
    }

    /// One data set; see `init(directories:limit:onCheck:)`.
    /// - Parameters:
    ///   - directory: of the data set.
    ///   - limit: stops after the shard that reaches so many tokens.
    ///   - onCheck: called with the bytes to read, before that takes seconds.
    /// - Throws: `FormatError`.
    public init(
        directory: String, limit: Int? = nil, onCheck: (Int) -> Void = { _ in }
    ) throws(FormatError) {
        try self.init(directories: [directory], limit: limit, onCheck: onCheck)
    }

    /// Of the first data set; fingerprint and shape are those of all.
    public var manifest: DistillationManifest { manifests[0] }

    /// How the data were made, for the record of a run: of several data sets, a list.
    public var settings: JSONValue {
        manifests.count == 1 ? manifest.settings : .array(manifests.map(\.settings))
    }

    /// What is odd about the data but no error, one sentence each.
    public var warnings: [String] { manifests.flatMap(\.warnings) }

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
    /// - Parameters:
    ///   - isHeldOut: those that are never trained on, or all others.
    ///   - skipsLoops: leaves out what repeats at the end of answers (`RepetitionLoop`).
    public func roots(isHeldOut: Bool, skipsLoops: Bool = false) -> [Int32] {
        rootRanges(isHeldOut: isHeldOut, skipsLoops).flatMap { $0.lazy.map { Int32($0) } }
    }

    /// The roots of each answer that has some.
    private func rootRanges(isHeldOut: Bool, _ skipsLoops: Bool) -> [Range<Int>] {
        var result = [Range<Int>]()
        for (shard, start) in zip(shards, starts) {
            for answer in shard.answers where Self.isHeldOut(answer) == isHeldOut {
                let loop = skipsLoops ? RepetitionLoop.start(of: shard.tokens[answer.rows]) : nil
                let first = answer.rows.lowerBound + start
                let count = min(answer.rows.count - 1, loop ?? .max)
                if count > 0 { result.append(first..<first + count) }
            }
        }
        return result
    }

    /// The rows of a row's answer from it on.
    func rest(of row: Int) -> Range<Int> { row..<Int(ends[row]) }

    /// The roots of all answers as combs: as few for each answer as none has more than `size` teeth.
    /// - Parameters:
    ///   - size: roots of a comb at most.
    ///   - isHeldOut: those of answers that are never trained on, or all others.
    ///   - skipsLoops: leaves out what repeats at the end of answers.
    public func combs(of size: Int, isHeldOut: Bool, skipsLoops: Bool = false) -> [RootComb] {
        rootRanges(isHeldOut: isHeldOut, skipsLoops).flatMap { roots in
            let step = (roots.count + size - 1) / size
            return (0..<step).map {
                RootComb(first: roots.lowerBound + $0, step: step, end: roots.upperBound)
            }
        }
    }

    /// Tokens of the longest text, the last one of its answer not counted: nothing was computed from it.
    public var longestText: Int {
        shards.reduce(0) { longest, shard in
            shard.answers.reduce(longest) { max($0, $1.prompt.count + $1.rows.count - 1) }
        }
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

/// Every n-th root of an answer, at equal distances all over it: neighbours have much in common, so that the parts of a text that
/// drafters learn from together should lie apart.
public struct RootComb: Sendable, Hashable {
    /// The first root.
    public let first: Int
    /// Distance of two roots.
    public let step: Int
    /// The row after the answer's last root.
    public let end: Int

    public init(first: Int, step: Int, end: Int) {
        self.first = first
        self.step = step
        self.end = end
    }

    public var roots: StrideTo<Int> { stride(from: first, to: end, by: step) }
}
