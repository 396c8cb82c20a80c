// A conversation: `swift run -c release ChatProgram MODEL.gguf`. An empty line ends it.
import Redrafter

@main
struct ChatProgram {
    static func main() async throws {
        guard CommandLine.arguments.count == 2 else { return print("usage: ChatProgram MODEL.gguf") }
        let session = try Session(try Model.load(path: CommandLine.arguments[1]))
        print("> ", terminator: "")
        while let line = readLine(), !line.isEmpty {
            for try await piece in session.streamResponse(to: line) { print(piece.text, terminator: "") }
            print("\n> ", terminator: "")
        }
    }
}
