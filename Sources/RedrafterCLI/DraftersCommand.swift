import ArgumentParser
import Redrafter
import RedrafterFormats
import RedrafterReport

/// `redrafter drafters`: what can guess.
struct DraftersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drafters",
        abstract: "Lists the drafters of this build.",
        discussion:
            "Combine them with +, as in --drafter rnn+lookup. Without --drafter the best that fits is chosen."
    )

    @Flag(help: "Print a JSON array.")
    var json = false

    func run() throws {
        let drafters = Registry.standard.drafters
        if json {
            let objects = drafters.map { drafter in
                JSONValue.object([
                    "name": .string(drafter.name), "summary": .string(drafter.summary),
                    "needs_weights": .bool(drafter.needsWeights),
                ])
            }
            return try Terminal.write(JSONValue.array(objects).text(isPretty: true) + "\n")
        }
        var table = Table([.init("drafter"), .init("what it is"), .init("weights")])
        for drafter in drafters {
            table.append([drafter.name, drafter.summary, drafter.needsWeights ? "--drafter-model" : "none"])
        }
        try Terminal.write(table.markdown)
    }
}
