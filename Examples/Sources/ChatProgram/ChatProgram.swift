// A conversation: `swift run -c release ChatProgram MODEL.gguf`. An empty line ends it.
import Redrafter

@main
struct ChatProgram {
    static func main() async throws {
        guard CommandLine.arguments.count == 2 else { return print("usage: ChatProgram MODEL.gguf") }
        let session = try Session(try Model.load(path: CommandLine.arguments[1]))
        print("> ", terminator: "")
        while let line = readLine(), !line.isEmpty {
            do {
                for try await piece in session.streamResponse(to: line) { print(piece.text, terminator: "") }
            } catch let error as RedrafterError {
                print(error.description)
                if case .promptTooLong = error { await session.reset() }
            }
            print("\n> ", terminator: "")
        }
    }
}
