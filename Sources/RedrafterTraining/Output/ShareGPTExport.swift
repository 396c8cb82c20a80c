import RedrafterCore
import RedrafterFormats

/// Conversations as the JSON that trainers of the ShareGPT family read, ReDrafter's reference trainer among
/// them:
///
///     [
///     {"id": "0", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
///     …
///     ]
///
/// That trainer demands that human and gpt take turns and leaves out a first message of anybody else (a
/// system prompt); a conversation that is not so ends it, and is therefore not written but counted. The file
/// appears under its name when it is complete; memory holds one conversation at a time.
public final class ShareGPTExport {
    /// One message: the role as chat templates name it (`system`, `user`, `assistant`) and its text.
    public typealias Message = (role: String, text: String)

    /// Conversations written.
    public private(set) var written = 0
    /// Conversations left out, by reason.
    public private(set) var skipped = [String: Int]()
    private let file: AtomicFile

    /// Begins a file. - Throws: `TrainingError.output`.
    public init(path: String) throws(TrainingError) {
        file = try wrapping(TrainingError.output, try AtomicFile(path: path))
        try wrapping(TrainingError.output, try file.write([UInt8(ascii: "[")]))
    }

    /// Writes all conversations of a sequence and completes the file.
    /// - Returns: how many were written, and how many left out by reason.
    public static func write(
        _ conversations: some Sequence<(id: String, messages: [Message])>, to path: String
    ) throws(TrainingError) -> (written: Int, skipped: [String: Int]) {
        let export = try ShareGPTExport(path: path)
        for (id, messages) in conversations { try export.append(id: id, messages) }
        try export.finish()
        return (export.written, export.skipped)
    }

    /// Adds a conversation. - Returns: whether it was written. - Throws: `TrainingError.output`; the
    /// destination is unchanged then.
    @discardableResult
    public func append(id: String, _ messages: [Message]) throws(TrainingError) -> Bool {
        if let reason = Self.objection(messages) {
            skipped[reason, default: 0] += 1
            return false
        }
        let turns = messages.map { message in
            JSONValue.object([
                "from": .string(Self.names[message.role] ?? message.role), "value": .string(message.text),
            ])
        }
        let entry = JSONValue.object(["id": .string(id), "conversations": .array(turns)])
        try wrapping(
            TrainingError.output, try file.write(Array((written == 0 ? "\n" : ",\n").utf8) + entry.encoded()))
        written += 1
        return true
    }

    /// Completes the file. - Throws: `TrainingError.output`; the destination is unchanged then.
    public func finish() throws(TrainingError) {
        do {
            try file.write(Array("\n]\n".utf8))
            try file.commit()
        } catch {
            throw .output(error)
        }
    }

    private static let names = ["system": "system", "user": "human", "assistant": "gpt"]

    /// Why a conversation cannot be trained on.
    private static func objection(_ messages: [Message]) -> String? {
        guard messages.allSatisfy({ names[$0.role] != nil }) else {
            return "a role other than system, user, assistant"
        }
        let turns = messages.first?.role == "system" ? messages.dropFirst() : messages[...]
        for (index, turn) in turns.enumerated() {
            let isUser = index % 2 == 0
            guard turn.role == (isUser ? "user" : "assistant") else {
                return "user and assistant do not take turns"
            }
        }
        guard turns.contains(where: { $0.role == "assistant" && !$0.text.isEmpty }) else {
            return "no answer"
        }
        return nil
    }
}
