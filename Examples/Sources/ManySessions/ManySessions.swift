// Ten conversations over one model at the same time: `swift run -c release ManySessions MODEL.gguf`
import Redrafter
import RedrafterServing

@main
struct ManySessions {
    static let topics = [
        "rivers", "mountains", "lakes", "deserts", "islands", "forests", "volcanoes", "caves", "seas",
        "plains",
    ]

    static func main() async throws {
        guard CommandLine.arguments.count == 2 else { return print("usage: ManySessions MODEL.gguf") }
        let model = try Model.load(
            path: CommandLine.arguments[1], options: ModelOptions(contextLength: 1024))
        // Each pass over the weights serves all texts that are in a slot; the others wait.
        var options = EngineOptions(slots: 8)
        options.drafters = ["lookup"]
        let engine = try Engine(model, options)
        try await withThrowingTaskGroup(of: (topic: String, text: String).self) { group in
            for topic in topics {
                group.addTask { (topic, try await converse(about: topic, on: engine)) }
            }
            for try await answer in group { print("\(answer.topic): \(answer.text)\n") }
        }
        let metrics = engine.metrics
        print("\(metrics.generatedTokens) tokens in \(metrics.passes) passes;", terminator: " ")
        print("\(metrics.promptTokensCached) of \(metrics.promptTokens) prompt tokens were in the cache")
    }

    static func converse(about topic: String, on engine: Engine) async throws -> String {
        let parameters = GenerationParameters(maximumTokens: 48)
        let session = try EngineSession(engine, instructions: "Answer in one sentence.")
        _ = try await session.respond(to: "Name three famous \(topic).", parameters)
        return try await session.respond(to: "Which of them would you visit?", parameters).text
    }
}
