// The whole `redrafter` command with plug-ins of one's own:
// `swift run -c release OwnRedrafter compare --tree threshold --drafters bigram,lookup,none`
import BigramDrafter
import Redrafter
import RedrafterCommands
import ThresholdTree

var plugins = Plugins.standard
plugins.registry.register(DrafterDescription(name: "bigram", summary: "what followed most often")) { _, _ in
    BigramDrafter()
}
plugins.registry.register(tree: TreeDescription(name: "threshold", summary: "what is likely")) { options in
    ThresholdTree(maximumRows: options.maximumRows)
}
RedrafterCommand.main(plugins)
