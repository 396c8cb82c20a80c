// A whole `redrafter` with one more kind of drafter: `swift run -c release RedrafterWithPair drafters`
import PairDrafter
import PairTraining
import Redrafter
import RedrafterCommands
import RedrafterCore

var plugins = Plugins.standard
plugins.registry.register(
    DrafterDescription(
        name: "pair", summary: "low-rank map of hidden state and last token", needsWeights: true),
    kind: .pair
) { weights, target, options throws(DrafterError) in try PairDrafter(weights, for: target, options: options) }
plugins.trainers.register(PairTrainer.self)
RedrafterCommand.main(plugins)
