// Answers one question: `swift run -c release EmbedModel MODEL.gguf "Why is the sky blue?"`
import Redrafter

@main
struct EmbedModel {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { return print("usage: EmbedModel MODEL.gguf QUESTION") }
        let model = try Model.load(path: arguments[1])
        let session = try Session(model, instructions: "Answer in two sentences.")
        for try await piece in session.streamResponse(to: arguments[2]) {
            print(piece.text, terminator: "")
        }
        if let response = await session.lastResponse {
            print("\n\(Int(response.timings.predictedPerSecond)) tokens/s,", terminator: " ")
            print("\(response.speculation.meanAcceptanceLength) tokens per pass with \(response.drafter)")
        }
    }
}
