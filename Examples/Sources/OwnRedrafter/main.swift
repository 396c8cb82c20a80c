// The whole `redrafter` command with plug-ins of one's own:
// `swift run -c release OwnRedrafter compare --tree threshold --drafters bigram,lookup,none`
import BigramDrafter
import PairDrafter
import PairTraining
import Redrafter
import RedrafterCommands
import RedrafterCore
import ThresholdTree

var plugins = Plugins.standard
plugins.registry.register(DrafterDescription(name: "bigram", summary: "what followed most often")) { _, _ in
    BigramDrafter()
}
plugins.registry.register(
    DrafterDescription(
        name: "pair", summary: "low-rank map of hidden state and last token", needsWeights: true),
    kind: .pair
) { weights, target, options throws(DrafterError) in try PairDrafter(weights, for: target, options: options) }
plugins.trainers.register(PairTrainer.self)
plugins.registry.register(tree: TreeDescription(name: "threshold", summary: "what is likely")) { options in
    ThresholdTree(maximumRows: options.maximumRows)
}
RedrafterCommand.main(plugins)
