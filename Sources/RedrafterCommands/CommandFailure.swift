import ArgumentParser
import RedrafterCore

/// Why a command ends without success: a line on stderr, another with what may help, and the exit code.
struct CommandFailure: Error {
    var text: String
    var hint: String?
    var status: ExitStatus

    init(_ status: ExitStatus, _ text: String, hint: String? = nil) {
        self.status = status
        self.text = text
        self.hint = hint
    }

    /// What any error becomes that a command throws; nil for an `ExitCode`, about which everything is said already.
    init?(_ error: any Error, of command: CommandPath) {
        switch error {
        case let failure as CommandFailure:
            self = failure
        case is ExitCode:
            return nil
        case let error as any Error & CustomStringConvertible where ExitStatus(error) != nil:
            self.init(
                ExitStatus(error) ?? .software, error.description,
                hint: Hint.text(for: error, in: command.flags))
        default:
            let isUsage = RedrafterCommand.exitCode(for: error) == .validationFailure
            self.init(
                isUsage ? .usage : .software, Self.line(RedrafterCommand.message(for: error)),
                hint: isUsage ? "see '\(command.name) --help'" : nil)
        }
    }

    func say() { Terminal.fail(text, hint: hint) }

    /// What the argument parser says, in one line that begins like all others.
    private static func line(_ message: String) -> String {
        // Allowed values come as a list with a line for each.
        let lines = message.replacing("\n  - ", with: ", ").replacing("following:, ", with: "following: ")
            .split(separator: "\n").map { $0.drop { $0 == " " } }
        let text = lines.joined(separator: " ")
        return text.dropFirst().first?.isLowercase == true
            ? text.prefix(1).lowercased() + text.dropFirst() : text
    }
}
