import ArgumentParser
import RedrafterTraining

/// Flags of training, with the names of mlx-lm.
struct TrainingArguments: ParsableArguments {
    private static let standard = TrainingSettings()

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Optimiser steps; without it, one epoch.", valueName: "n"))
    var iters: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Positions in each step; with --taps, those of batch size / --text-positions texts.",
            valueName: "n"))
    var batchSize = standard.batchSize

    @Option(parsing: .unconditional, help: ArgumentHelp("Peak learning rate.", valueName: "x"))
    var learningRate = standard.learningRate

    @Option(
        name: .customLong("warmup"), parsing: .unconditional,
        help: ArgumentHelp("Warm-up steps until the learning rate peaks.", valueName: "n"))
    var warmup = standard.warmupSteps

    @Option(parsing: .unconditional, help: ArgumentHelp("Weight decay of matrices.", valueName: "x"))
    var weightDecay = standard.weightDecay

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Draft steps to learn; also the number of heads, if each step has its own.", valueName: "n"))
    var draftLength = standard.draftLength

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Input size of the drafter's head, if it can be chosen; without it, the hidden size.",
            valueName: "n")
    )
    var exitDim: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Residual blocks of each head.", valueName: "n"))
    var layers = standard.layers

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Give the recurrent drafter a context block that reads the outputs of these layers of the model, counted from 0: "
                + "8,18,29. Without it, the drafter sees the last hidden state alone.", valueName: "list"))
    var taps: String?

    @Flag(
        inversion: .prefixedNo, help: ArgumentHelp("Norm each tap before it enters the context block."))
    var tapNorm = standard.normalizesTaps

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp("Give the context block a decoder layer with attention over the text."))
    var contextLayer = standard.attends

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Let the context block add to the model's hidden state; without it, it takes that one's place."))
    var contextAdds = standard.addsToHidden

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Let a context block that adds also learn to guess the model's next hidden state: weight of the squared error.",
            valueName: "x"))
    var stateWeight = standard.stateWeight

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Positions of a text in each step at most, with --taps, spread over all of it.", valueName: "n"))
    var textPositions = standard.textPositions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Share of the draft steps of a position that are learnt at a time, chosen at random: less leaves time for more positions.",
            valueName: "p"))
    var stepShare = standard.stepShare

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Learning rate of the context block relative to the rest; what suits the rest upsets it.",
            valueName: "x"))
    var contextRate = standard.contextRate

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Memory for what a context block reads of the model, so that a text that comes again is not computed again.",
            valueName: "MiB"))
    var tapCache = standard.tapCache

    @Option(
        help: ArgumentHelp(
            "Folder where the same is kept on the disk, for this run and others that read the same layers of the same model: two bytes for each element, 3.5 kB for each token of the default model with three layers. Models that share an embedding table need a folder each.",
            valueName: "path"))
    var tapFolder: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Let the recurrent drafter copy: tokens that followed the same tokens earlier in the text become likelier. Lengths of such matches that it tells apart; 0 to copy nothing, 8 without it.",
            valueName: "n"))
    var copyLengths: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Number of tokens that the drafter predicts, the most frequent ones; 0 for all.", valueName: "n"))
    var draftVocab = standard.draftVocabulary

    @Option(
        help: ArgumentHelp(
            "What is learned: kd (the model's distribution) or ce (the actual next token).", valueName: "loss"
        ))
    var loss = standard.loss

    @Option(
        name: .customLong("label-temp"), parsing: .unconditional,
        help: ArgumentHelp("Temperature of the model's distribution; below 1 sharpens it.", valueName: "t"))
    var labelTemperature = standard.labelTemperature

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Weight of each draft step's loss relative to the step before.", valueName: "x"))
    var stepDecay = standard.stepDecay

    @Flag(
        help: ArgumentHelp(
            "Also weigh each draft step's loss by the drafter's own probability of the tokens before it: the chance that the step is reached."
        ))
    var survival = false

    @Flag(
        help: ArgumentHelp(
            "Leave out what repeats at the end of answers: small models loop until the limit of the length."))
    var skipLoops = false

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two reports.", valueName: "n"))
    var stepsPerReport = standard.stepsPerReport

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two evaluations.", valueName: "n"))
    var stepsPerEval = standard.stepsPerEval

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two checkpoints.", valueName: "n"))
    var saveEvery = standard.saveEvery

    @Option(
        name: .customLong("tokens"), parsing: .unconditional,
        help: ArgumentHelp("Use only this many tokens of the data.", valueName: "n"))
    var tokens: Int?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Seed for initial weights and order.", valueName: "n"))
    var seed = standard.seed

    func validate() throws {
        guard let taps, layers(of: taps).contains(-1) else { return }
        throw ValidationError("--taps is '\(taps)'; allowed: numbers of layers from 0, as in 8,18,29")
    }

    /// -1 for what is no number.
    private func layers(of list: String?) -> [Int] {
        guard let list else { return [] }
        return list.split(separator: ",", omittingEmptySubsequences: false).map {
            let number = Int($0) ?? -1
            return number < 0 ? -1 : number
        }
    }

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
        settings.taps = layers(of: taps)
        settings.normalizesTaps = tapNorm
        settings.attends = contextLayer
        settings.addsToHidden = contextAdds
        settings.stateWeight = stateWeight
        settings.textPositions = textPositions
        settings.stepShare = stepShare
        settings.contextRate = contextRate
        settings.tapCache = tapCache
        settings.tapFolder = tapFolder
        settings.copyLengths = copyLengths
        settings.draftVocabulary = draftVocab
        settings.loss = loss
        settings.labelTemperature = labelTemperature
        settings.stepDecay = stepDecay
        settings.weighsBySurvival = survival
        settings.skipsLoops = skipLoops
        settings.stepsPerReport = stepsPerReport
        settings.stepsPerEval = stepsPerEval
        settings.saveEvery = saveEvery
        settings.tokenLimit = tokens
        settings.seed = seed
        if let threads { settings.threads = threads }
        return settings
    }
}
