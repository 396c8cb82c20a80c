import RedrafterCore
import RedrafterFormats

/// How a drafter is trained: what `redrafter train` can be told. Names follow mlx-lm's.
public struct TrainingSettings: Sendable, Hashable {
    /// Steps of the optimiser; nil for one epoch.
    public var iterations: Int?
    /// Positions in a step. Drafters that read whole texts take `batchSize / textPositions` of them.
    public var batchSize = 512
    /// Peak of the learning rate, which warms up and then falls along a cosine.
    public var learningRate: Float = 3e-3
    public var warmupSteps = 100
    public var weightDecay: Float = 0.01
    /// Gradients with a larger norm are scaled down to it.
    public var largestGradientNorm = 1.0
    /// Drafted tokens that are learnt.
    public var draftLength = 4
    /// Size that blocks and head work on, for drafters that let it be chosen; nil for the model's hidden size.
    public var exitDimension: Int?
    /// Residual blocks in each head.
    public var layers = 2
    /// Layers of the model, counted from 0, whose outputs the drafter reads through a context block, for drafters that can have one;
    /// empty for the last hidden state alone.
    public var taps: [Int] = []
    /// Whether each tap is normed.
    public var normalizesTaps = true
    /// Whether the context block has a decoder layer.
    public var attends = true
    /// Whether the context block leaves the model's hidden state in its place; see `ContextBlockSizes.addsToHidden`.
    public var addsToHidden = false
    /// See `DraftBatch.stateWeight`.
    public var stateWeight: Float = 0
    /// Positions of a text in a step at most, for drafters that read whole texts.
    public var textPositions = 64
    /// Share of the draft steps of a position that are learnt; see `StepSample`.
    public var stepShare: Float = 1
    /// Memory for outputs of the model's layers, so that texts that come again are not computed again. MiB
    public var tapCache = 2048
    /// Folder where they are kept on the disk besides, for this run and others; nil for none.
    public var tapFolder: String?
    /// What the learning rate of the context block is multiplied by.
    public var contextRate: Float = 0.1
    /// Lengths of matches that a drafter which copies from the text tells apart, 0 to copy nothing; nil for what its kind prefers.
    public var copyLengths: Int?
    /// Tokens that the drafter predicts; 0 for all.
    public var draftVocabulary = 8192
    public var loss = DraftLoss.distillation
    /// See `BatchReader.labelTemperature`.
    public var labelTemperature: Float = 1
    /// Weight of each step's loss relative to the one before.
    public var stepDecay: Float = 0.9
    /// See `DraftBatch.weighsBySurvival`.
    public var weighsBySurvival = false
    /// Whether what repeats at the end of answers is left out; see `RepetitionLoop`.
    public var skipsLoops = false
    public var stepsPerReport = 20
    public var stepsPerEval = 500
    public var saveEvery = 500
    public var seed: UInt64 = 0
    /// Tokens of data to use; nil for all.
    public var tokenLimit: Int?
    public var threads = 2

    public init() {}

    /// - Throws: `ParameterError.outOfRange`.
    public func validate() throws(ParameterError) {
        func check(_ isValid: Bool, _ name: String, _ got: some CustomStringConvertible, _ allowed: String)
            throws(ParameterError)
        {
            guard isValid else { throw .outOfRange(name: name, got: got.description, allowed: allowed) }
        }
        let large = 1 << 30
        try check((1...large).contains(iterations ?? 1), "iters", iterations ?? 0, "1 to \(large)")
        try check((1...1 << 20).contains(batchSize), "batch-size", batchSize, "1 to \(1 << 20)")
        try check(
            learningRate.isFinite && learningRate > 0, "learning-rate", learningRate, "a number above 0")
        try check((0...large).contains(warmupSteps), "warmup", warmupSteps, "0 to \(large)")
        try check(weightDecay.isFinite && weightDecay >= 0, "weight-decay", weightDecay, "a number from 0")
        try check((1...16).contains(draftLength), "draft-length", draftLength, "1 to 16")
        try check(
            (1...1 << 16).contains(exitDimension ?? 1), "exit-dim", exitDimension ?? 0, "1 to \(1 << 16)")
        try check((0...16).contains(layers), "layers", layers, "0 to 16")
        try check(
            zip(taps, taps.dropFirst()).allSatisfy { $0 < $1 } && taps.count <= 16 && taps.first ?? 0 >= 0,
            "taps", "\(taps)", "up to 16 layers, ascending")
        if taps.isEmpty {
            let allowed = "only with --taps, which give the drafter a context block"
            try check(!addsToHidden, "context-adds", addsToHidden, allowed)
            try check(normalizesTaps, "tap-norm", normalizesTaps, allowed)
            try check(attends, "context-layer", attends, allowed)
            try check(tapFolder == nil, "tap-folder", tapFolder ?? "", allowed)
        }
        try check((0...1 << 20).contains(tapCache), "tap-cache", tapCache, "0 to \(1 << 20) MiB")
        try check(
            contextRate.isFinite && contextRate > 0, "context-rate", contextRate, "a number above 0")
        try check(
            stateWeight.isFinite && stateWeight >= 0, "state-weight", stateWeight, "a number from 0")
        try check(
            stateWeight == 0 || addsToHidden, "state-weight", stateWeight,
            "0 without --context-adds: only there the block guesses states")
        try check((1...1 << 16).contains(textPositions), "text-positions", textPositions, "1 to \(1 << 16)")
        try check(stepShare > 0 && stepShare <= 1, "step-share", stepShare, "above 0 and up to 1")
        try check(
            stepShare == 1 || !weighsBySurvival, "step-share", stepShare,
            "1 with --survival, which needs all steps")
        try check(
            copyLengths.map(TextIndex.matchLengths.contains) ?? true, "copy-lengths", copyLengths ?? 0,
            "0 (copies nothing) to \(TextIndex.matchLengths.upperBound)")
        try check((0...1 << 24).contains(draftVocabulary), "draft-vocab", draftVocabulary, "0 (all) or more")
        try check(
            labelTemperature.isFinite && labelTemperature > 0, "label-temp", labelTemperature, "above 0")
        try check(stepDecay > 0 && stepDecay <= 1, "step-decay", stepDecay, "above 0 and up to 1")
        try check(stepsPerReport > 0, "steps-per-report", stepsPerReport, "1 or more")
        try check(stepsPerEval > 0, "steps-per-eval", stepsPerEval, "1 or more")
        try check(saveEvery > 0, "save-every", saveEvery, "1 or more")
        try check(tokenLimit ?? 1 > 0, "tokens", tokenLimit ?? 0, "1 or more")
        try check((1...64).contains(threads), "threads", threads, "1 to 64")
    }

    /// What a resumed run must share with the one before. Reports and evaluations may differ, and so may threads, but then the
    /// last bits of the weights do, too.
    /// - Parameters:
    ///   - kind: the name of the kind of drafter.
    ///   - iterations: steps of the run.
    ///   - data: that it learns from.
    ///   - vocabularySize: tokens that the drafter predicts.
    ///   - start: digest of the drafter that it begins with; nil for none.
    ///   - copyLengths: of the drafter; 0 where it does not copy.
    public func json(
        kind: String, iterations: Int, data: DistillationData, vocabularySize: Int, start: String? = nil,
        copyLengths: Int
    ) -> JSONValue {
        let copies: JSONValue = copyLengths > 0 ? .integer(copyLengths) : .null
        return .object([
            "drafter": .string(kind), "iterations": .integer(iterations),
            "batch_size": .integer(batchSize), "learning_rate": .double(Double(learningRate)),
            "warmup": .integer(warmupSteps), "weight_decay": .double(Double(weightDecay)),
            "draft_length": .integer(draftLength),
            "exit_dim": .integer(exitDimension ?? data.manifest.fingerprint.hiddenSize),
            "layers": .integer(layers), "taps": .array(taps.map { .integer($0) }),
            "tap_norm": .bool(normalizesTaps), "context_layer": .bool(attends),
            "context_rate": .double(Double(contextRate)), "context_adds": .bool(addsToHidden),
            "state_weight": .double(Double(stateWeight)), "text_positions": .integer(textPositions),
            "step_share": .double(Double(stepShare)),
            "copy_lengths": copies, "draft_vocab": .integer(vocabularySize),
            "loss": .string(
                loss.rawValue + (weighsBySurvival ? ", survival" : "") + (skipsLoops ? ", no loops" : "")),
            "label_temperature": .double(Double(labelTemperature)),
            "step_decay": .double(Double(stepDecay)),
            "seed": .string(String(seed)), "start": start.map(JSONValue.string) ?? .null,
            "threads": .integer(threads),
            TrainingError.dataKey: .object([
                "fingerprint": data.manifest.fingerprint.json, "settings": data.settings,
                "tokens": .integer(data.rows), "sha256": .string(data.digest),
            ]),
        ])
    }
}
