import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTraining

/// A training run in a directory: it reads a data set, takes steps, reports, evaluates, saves checkpoints, and leaves a drafter.
///
///     DIR/checkpoint-00000500/   what a run needs to go on, bit for bit
///     DIR/log.jsonl              a line for each report and evaluation
///     DIR/progress.svg           the same as a picture
///     DIR/drafter.gguf           the drafter, at the end
public final class TrainingRun {
    /// What a run says on its way.
    public enum Event: Sendable {
        /// The run begins, or goes on, at this step.
        case started(step: Int, iterations: Int, parameters: Int, positions: Int, coverage: Double)
        case report(
            step: Int, loss: Double, accuracy: [Double], stateError: Double?, learningRate: Float,
            positionsPerSecond: Double, time: TimeShares)
        case evaluation(step: Int, Evaluation)
        case saved(step: Int, path: String)
        /// So many bytes of data are read and compared with their digests, which takes seconds.
        case checking(bytes: Int)
        case warning(String)
    }

    /// How the drafter does on held-out answers.
    public struct Evaluation: Sendable {
        public var loss: Double
        /// Share of places where the first guess is right, for each draft position.
        public var accuracy: [Double]
        /// Mean squared error of a context block's guesses at the next hidden state, where it learns them.
        public var stateError: Double?
        /// The real search with trees of 8 rows.
        public var draft: DraftEvaluation
    }

    let model: Model
    let settings: TrainingSettings
    let kind: any DrafterTrainer.Type
    let directory: String
    private let lock: OutputLock
    let reader: BatchReader
    let trainer: any TrainableDrafter
    let parameters: ParameterStore
    var optimizer: AdamW
    var batches: BatchSource
    let embedding: [Float]
    private let schedule: LearningRateSchedule
    let checkpoints: CheckpointStore
    let log: TrainingLog
    let settingsRecord: JSONValue
    var step: Int
    /// Steps in a row whose loss or gradient was not finite.
    var failures = 0

    private static let largestFailures = 8
    static let logName = "log.jsonl"
    static let plotName = "progress.svg"
    static let drafterName = "drafter.gguf"

    /// Prepares a run.
    /// - Parameters:
    ///   - model: whose answers the data holds.
    ///   - directories: of the data sets, at least one.
    ///   - output: directory of the run.
    ///   - kind: what to train.
    ///   - settings: how to train.
    ///   - start: a drafter of the same kind whose weights are taken over; parts that it lacks begin as without it.
    ///   - resume: goes on from the newest checkpoint of the directory, which must hold one; else there must be none.
    ///   - report: receives warnings, such as about damaged checkpoints.
    /// - Throws: `DistillationError`.
    public init(
        _ model: Model, data directories: [String], output: String, training kind: any DrafterTrainer.Type,
        settings: TrainingSettings, start: DrafterWeights? = nil, resume: Bool, report: (Event) -> Void
    ) throws(DistillationError) {
        try wrapping(DistillationError.parameter, try settings.validate())
        try wrapping(DistillationError.parameter, try kind.validate(settings))
        self.model = model
        self.settings = settings
        self.kind = kind
        self.directory = output
        let store = CheckpointStore(directory: output)
        checkpoints = store
        if let start { try Self.check(start, for: model, kind.kindName) }
        lock = try Self.lock(store, resume: resume, report)
        let loaded = try Self.newest(store, resume: resume, report)
        let sizes = model.sizes
        try wrapping(
            DistillationError.parameter,
            try Self.check(settings.taps, layers: sizes.layers, needLast: settings.addsToHidden))
        let data = try Self.data(
            model, directories, settings.tokenLimit, needsHidden: settings.taps.isEmpty, report)
        let vocabularySize = model.configuration.vocabularySize
        let vocabulary = Self.vocabulary(
            of: data, modelSize: vocabularySize, size: settings.draftVocabulary, start: start)
        let isPartial = vocabulary.tokens.count < vocabularySize
        let positions = data.roots(isHeldOut: false, skipsLoops: settings.skipsLoops).count
        guard positions >= settings.batchSize else {
            throw .tooLittleData(positions: positions, batchSize: settings.batchSize)
        }
        trainer = try wrapping(
            DistillationError.training,
            try kind.make(settings, model: sizes, vocabularySize: vocabulary.tokens.count))
        reader = BatchReader(
            data, vocabulary: vocabulary, draftLength: settings.draftLength, loss: settings.loss,
            labelTemperature: settings.labelTemperature, stepDecay: settings.stepDecay,
            weighsBySurvival: settings.weighsBySurvival, stateWeight: settings.stateWeight,
            copyLengths: trainer.copyLengths)
        let taps = trainer.taps
        let needsEmbedding = trainer.usesEmbedding || (settings.tapFolder != nil && !taps.isEmpty)
        let embedding =
            needsEmbedding ? try wrapping(DistillationError.model, try model.embeddingRows()) : []
        self.embedding = embedding
        var folder: TapFolder?
        if let path = settings.tapFolder, !taps.isEmpty {
            folder = try wrapping(
                DistillationError.format, try TapFolder(path, embedding: embedding, layers: taps))
        }
        batches = try wrapping(
            DistillationError.model,
            try BatchSource(reader, model, taps: taps, folder: folder, settings: settings))
        let iterations = settings.iterations ?? max(1, batches.stepsPerEpoch)
        schedule = LearningRateSchedule(
            peak: settings.learningRate, warmupSteps: min(settings.warmupSteps, iterations / 2),
            totalSteps: iterations)
        let record = settings.json(
            kind: kind.kindName, iterations: iterations, data: data, vocabularySize: vocabulary.tokens.count,
            start: start?.digest, copyLengths: trainer.copyLengths)
        settingsRecord = record
        let layout = trainer.layout
        parameters = ParameterStore(layout)
        optimizer = AdamW(
            layout, weightDecay: settings.weightDecay, largestNorm: settings.largestGradientNorm,
            rateScale: { [trainer] in trainer.rateScale($0, settings) })
        if let loaded { try Self.check(loaded, record, report) }
        let first = loaded?.checkpoint.step ?? 0
        step = first
        log = try wrapping(
            DistillationError.training,
            try TrainingLog(path: "\(output)/\(Self.logName)", keepingThrough: first))
        if let loaded {
            try restore(loaded.checkpoint, path: loaded.path)
        } else {
            try begin(start)
        }
        report(
            .started(
                step: step, iterations: iterations, parameters: layout.parameters, positions: positions,
                coverage: isPartial ? vocabulary.coverage : 1))
    }

    /// Runs to the end, or until it is cancelled; then saves a checkpoint.
    /// - Returns: the path of the drafter; nil where the run was cancelled.
    /// - Throws: `DistillationError`. The newest checkpoint is intact then.
    public func run(
        cancellation: CancellationFlag = CancellationFlag(), report: (Event) -> Void
    ) throws(DistillationError) -> String? {
        let workspace = TrainingWorkspace()
        let gradient = ParameterStore(trainer.layout)
        var interval = Interval(settings.draftLength)
        while step < schedule.totalSteps, !cancellation.isCancelled {
            let rate = schedule.rate(step: step)
            let batch = try interval.time(\.data) { () throws(DistillationError) in
                try wrapping(DistillationError.model, try batches.batch(step: step))
            }
            let result = try interval.time(\.gradient) { () throws(DistillationError) in
                try evaluate(batch, gradient: gradient.values, workspace)
            }
            // A loss that is no number can have a gradient of numbers: those of the terms that have one.
            let isApplied =
                result.loss.isFinite
                && interval.time(\.update) {
                    optimizer.update(
                        parameters.values, gradient: UnsafeBufferPointer(gradient.values),
                        learningRate: rate, threads: settings.threads
                    ).isApplied
                }
            step += 1
            if isApplied {
                failures = 0
                interval.add(result, positions: batch.count)
            } else {
                failures += 1
                report(.warning("step \(step): loss or gradient is not finite; the step is skipped"))
                guard failures < Self.largestFailures else {
                    throw .diverged(
                        step: step, reason: "loss or gradient was not finite \(failures) times in a row")
                }
            }
            if step % settings.stepsPerReport == 0 { try note(&interval, rate, report) }
            let isLast = step == schedule.totalSteps
            if step % settings.stepsPerEval == 0 || isLast { try evaluate(workspace, &interval, report) }
            if isLast { try checkResult() }
            // What fails now may have failed since the last step: it must not take the place of a good checkpoint.
            if (step % settings.saveEvery == 0 && failures == 0) || isLast { try save(report) }
        }
        if cancellation.isCancelled {
            if step % settings.saveEvery != 0 || failures > 0, step < schedule.totalSteps { try save(report) }
            return nil
        }
        try checkResult()
        try wrapping(
            DistillationError.training,
            try TrainingPlot.draw(
                log: log.path, title: "\(kind.kindName) drafter", to: "\(directory)/\(Self.plotName)"))
        let path = "\(directory)/\(Self.drafterName)"
        _ = try wrapping(
            DistillationError.format,
            try DrafterWriter.write(try weights(), to: path, layout: .gguf, type: Self.drafterType))
        return path
    }

    /// The drafter as it is now, in F32.
    public func weights() throws(FormatError) -> DrafterWeights {
        let vocabulary = reader.vocabulary.tokens
        let isPartial = vocabulary.count < model.configuration.vocabularySize
        return try DrafterWeights(
            path: directory, configuration: trainer.configuration, tensors: parameters.tensors,
            draftVocabulary: isPartial ? vocabulary : nil, fingerprint: model.fingerprint,
            notes: [
                DrafterNote("training_settings", settingsRecord.text()),
                DrafterNote("training_steps", "\(step)"),
                DrafterNote(
                    "model", reader.data.manifest.model.split(separator: "/").last.map(String.init) ?? ""),
            ])
    }

    // MARK: Beginning

    /// - Parameter needLast: whether the hidden state is made of the last tap.
    private static func check(_ taps: [Int], layers: Int, needLast: Bool) throws(ParameterError) {
        func refuse(_ allowed: String) -> ParameterError {
            .outOfRange(name: "taps", got: taps.map { "\($0)" }.joined(separator: ","), allowed: allowed)
        }
        guard let last = taps.last else { return }
        guard last < layers else { throw refuse("layers 0 to \(layers - 1) of this model") }
        guard last == layers - 1 || !needLast else {
            throw refuse("with --context-adds, lists that end with the model's last layer, \(layers - 1)")
        }
    }

    /// The data sets, with hidden states where they are needed.
    private static func data(
        _ model: Model, _ directories: [String], _ limit: Int?, needsHidden: Bool, _ report: (Event) -> Void
    ) throws(DistillationError) -> DistillationData {
        var data = try wrapping(
            DistillationError.format,
            try DistillationData(directories: directories, limit: limit) { report(.checking(bytes: $0)) })
        for warning in data.warnings { report(.warning(warning)) }
        if data.manifests.count < directories.count {
            report(
                .warning(
                    "\(limit ?? 0) tokens are reached before \(directories[data.manifests.count]) is read"))
        }
        try wrapping(
            DistillationError.drafter,
            try data.manifest.fingerprint.check(against: model.fingerprint, drafter: directories[0]))
        if needsHidden, !data.hasHidden {
            report(.warning("the data has no hidden states; computing them again"))
            let hidden = try wrapping(DistillationError.model, try model.hiddenStates(of: data))
            data.provideHidden(hidden)
        }
        return data
    }
}
