import ArgumentParser
import RedrafterTraining

/// Flags of training, with the names of mlx-lm.
struct TrainingArguments: ParsableArguments {
    private static let standard = TrainingSettings()

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Steps of the optimiser; one epoch unless given.", valueName: "n"))
    var iters: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Positions in a step.", valueName: "n"))
    var batchSize = standard.batchSize

    @Option(parsing: .unconditional, help: ArgumentHelp("Peak of the learning rate.", valueName: "x"))
    var learningRate = standard.learningRate

    @Option(
        name: .customLong("warmup"), parsing: .unconditional,
        help: ArgumentHelp("Steps until the learning rate is reached.", valueName: "n"))
    var warmup = standard.warmupSteps

    @Option(parsing: .unconditional, help: ArgumentHelp("Decay of matrices.", valueName: "x"))
    var weightDecay = standard.weightDecay

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Drafted tokens that are learnt, and heads of a drafter that has one for each.", valueName: "n"))
    var draftLength = standard.draftLength

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Size that the drafter's head works on, where it can be chosen; the hidden size.", valueName: "n")
    )
    var exitDim: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Residual blocks of each head.", valueName: "n"))
    var layers = standard.layers

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Tokens that the drafter predicts, the most frequent ones; 0 for all.", valueName: "n"))
    var draftVocab = standard.draftVocabulary

    @Option(
        help: ArgumentHelp(
            "What is learnt: kd, the model's distribution, or ce, the token that came.", valueName: "loss"))
    var loss = standard.loss

    @Option(
        name: .customLong("label-temp"), parsing: .unconditional,
        help: ArgumentHelp("Sharpens the model's distribution below 1.", valueName: "t"))
    var labelTemperature = standard.labelTemperature

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Weight of each step's loss relative to the one before.", valueName: "x"))
    var stepDecay = standard.stepDecay

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two reports.", valueName: "n"))
    var stepsPerReport = standard.stepsPerReport

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two evaluations.", valueName: "n"))
    var stepsPerEval = standard.stepsPerEval

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two checkpoints.", valueName: "n"))
    var saveEvery = standard.saveEvery

    @Option(
        name: .customLong("tokens"), parsing: .unconditional,
        help: ArgumentHelp("Use so many tokens of the data; all unless given.", valueName: "n"))
    var tokens: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Seed of first weights and order.", valueName: "n"))
    var seed = standard.seed

    func settings(threads: Int?) -> TrainingSettings {
        var settings = TrainingSettings()
        settings.iterations = iters
        settings.batchSize = batchSize
        settings.learningRate = learningRate
        settings.warmupSteps = warmup
        settings.weightDecay = weightDecay
        settings.draftLength = draftLength
        settings.exitDimension = exitDim
        settings.layers = layers
        settings.draftVocabulary = draftVocab
        settings.loss = loss
        settings.labelTemperature = labelTemperature
        settings.stepDecay = stepDecay
        settings.stepsPerReport = stepsPerReport
        settings.stepsPerEval = stepsPerEval
        settings.saveEvery = saveEvery
        settings.tokenLimit = tokens
        settings.seed = seed
        if let threads { settings.threads = threads }
        return settings
    }
}
