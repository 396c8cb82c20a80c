import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

/// Makes a data set of the model's own answers in a directory, shard by shard (ReDrafter, section 3.3).
///
/// Answers belong to shards by their place in the run, so that an interrupted run resumes with the first shard
/// that is missing and ends with the same files.
public struct AnswerGeneration {
    /// Where a run stands.
    public struct Progress: Sendable {
        /// Tokens of all answers that are finished, earlier runs included.
        public var tokens: Int
        /// Tokens to reach.
        public var target: Int
        /// Tokens of this run.
        public var newTokens: Int
        public var elapsed: Duration

        public var tokensPerSecond: Double {
            let seconds = elapsed / .seconds(1)
            return seconds > 0 ? Double(newTokens) / seconds : 0
        }
    }

    private let plan: AnswerPlan
    private let directory: String
    private let lock: OutputLock
    private var manifest: DistillationManifest
    /// Answers of shards that are not complete, by place.
    private var waiting: [Int: DistilledAnswer] = [:]
    /// Places that gave no answer.
    private var skipped: Set<Int> = []
    private var nextItem: Int
    private var finishedTokens: Int
    /// What is odd about the directory but no error, one sentence each.
    public let warnings: [String]

    /// Prepares a run, or the rest of one: removes what an interrupted one has left half-written, and reads its shards once, to
    /// see that they are what was written.
    /// - Parameters:
    ///   - model: answers.
    ///   - prompts: what it answers.
    ///   - settings: how.
    ///   - directory: of the data set.
    ///   - onCheck: called with the bytes to read, before that takes seconds.
    /// - Throws: `DistillationError.parameter`; `.training` where another process writes to the directory, or it holds data of
    ///   another model or of other settings; `.format`, with `.altered` for a shard whose bytes are others.
    public init(
        _ model: Model, prompts: PromptSet, settings: DistillationSettings, directory: String,
        onCheck: (Int) -> Void = { _ in }
    ) throws(DistillationError) {
        try wrapping(DistillationError.parameter, try settings.validate())
        plan = AnswerPlan(model: model, prompts: prompts, settings: settings)
        self.directory = directory
        let wanted = DistillationManifest(
            fingerprint: model.fingerprint, model: model.path, settings: settings.json(prompts: prompts),
            shape: DistillationShape(
                topCount: settings.topCount,
                hiddenSize: settings.storesHidden ? model.configuration.hiddenSize : 0))
        lock = try wrapping(DistillationError.training, try OutputLock(directory: directory))
        let leftovers = lock.removeLeftovers { name in
            name == DistillationManifest.fileName || Self.isShard(name)
        }
        let found = try Self.found(wanted, in: directory)
        _ = try wrapping(DistillationError.format, try found.check(in: directory, onCheck: onCheck))
        manifest = found
        warnings = leftovers + found.warnings
        nextItem = manifest.shards.count * settings.shardAnswers
        finishedTokens = manifest.tokens
    }

    /// Tokens of the shards that were there already.
    public var resumedTokens: Int { manifest.tokens }

    /// Runs to the end, or until it is cancelled; what is complete stays in either case.
    /// - Returns: the manifest as it is in the directory.
    /// - Throws: `RedrafterError.format` where a shard cannot be written; `.transformer`, `.backend`.
    public mutating func run(
        cancellation: CancellationFlag = CancellationFlag(), progress: (Progress) -> Void = { _ in }
    ) throws(RedrafterError) -> DistillationManifest {
        let settings = plan.settings
        let generator = try BatchGenerator(plan.model, sequences: settings.batch, shape: manifest.shape)
        let start = ContinuousClock.now
        let before = finishedTokens
        // Not all at once: the closures below change different parts.
        var run = self
        var newTokens = 0
        func next() throws(RedrafterError) -> BatchGenerator.Request? { try run.nextRequest() }
        func finished(_ answer: DistilledAnswer) throws(RedrafterError) { try run.keep(answer) }
        try generator.run(next: next, finished: finished) { count in
            newTokens += count
            progress(
                Progress(
                    tokens: min(before + newTokens, settings.tokens), target: settings.tokens,
                    newTokens: newTokens, elapsed: start.duration(to: .now)))
            return !cancellation.isCancelled
        }
        if !cancellation.isCancelled {
            run.manifest.isComplete = true
            try run.writeManifest()
        }
        self = run
        return manifest
    }

    /// The next prompt that fits; nil when all are under way or enough tokens are.
    private mutating func nextRequest() throws(RedrafterError) -> BatchGenerator.Request? {
        let size = plan.settings.shardAnswers
        while nextItem < plan.count {
            // A shard that was begun is finished.
            if finishedTokens >= plan.settings.tokens, nextItem % size == 0 { return nil }
            let item = nextItem
            nextItem += 1
            if let request = try plan.request(item) { return request }
            skipped.insert(item)
            try writeCompleteShards()
        }
        return nil
    }

    private mutating func keep(_ answer: DistilledAnswer) throws(RedrafterError) {
        waiting[answer.item] = answer
        finishedTokens += answer.tokens.count
        try writeCompleteShards()
    }

    /// Writes the shards whose answers are all there, in order.
    private mutating func writeCompleteShards() throws(RedrafterError) {
        let size = plan.settings.shardAnswers
        while true {
            let first = manifest.shards.count * size
            guard first < plan.count else { return }
            let items = first..<min(first + size, plan.count)
            guard items.allSatisfy({ waiting[$0] != nil || skipped.contains($0) }) else { return }
            let answers = items.compactMap { waiting[$0] }
            let name = Self.shardName(manifest.shards.count)
            var digest: String?
            if !answers.isEmpty {
                digest = try wrapping(
                    RedrafterError.format,
                    try DistillationShard.write(answers, shape: manifest.shape, to: "\(directory)/\(name)"))
            }
            manifest.shards.append(
                DistillationManifest.Shard(
                    file: name, answers: answers.count, tokens: answers.reduce(0) { $0 + $1.tokens.count },
                    sha256: digest))
            manifest.skippedPrompts += items.count - answers.count
            try writeManifest()
            for item in items {
                waiting[item] = nil
                skipped.remove(item)
            }
        }
    }

    private static func shardName(_ number: Int) -> String {
        let digits = String(number)
        return "answers-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).safetensors"
    }

    private static func isShard(_ name: String) -> Bool {
        let digits = name.split(separator: "-", maxSplits: 1).last?.split(separator: ".").first ?? ""
        return Int(digits).map { $0 >= 0 && shardName($0) == name } ?? false
    }

    private func writeManifest() throws(RedrafterError) {
        try wrapping(RedrafterError.format, try manifest.write(to: directory))
    }

    /// The manifest of the directory, where it holds data of the same model and settings; else the one that is wanted.
    private static func found(
        _ wanted: DistillationManifest, in directory: String
    ) throws(DistillationError) -> DistillationManifest {
        let found: DistillationManifest
        do {
            found = try DistillationManifest(directory: directory)
        } catch .missing {
            return wanted
        } catch {
            throw .format(error)
        }
        func record(_ manifest: DistillationManifest) -> JSONValue {
            .object([
                "model": manifest.fingerprint.json, "settings": manifest.settings,
                "hidden_size": .integer(manifest.shape.hiddenSize),
            ])
        }
        _ = try wrapping(
            DistillationError.training,
            try CheckpointSettings.check(
                stored: record(found), current: record(wanted),
                file: "\(directory)/\(DistillationManifest.fileName)"))
        return found
    }
}
