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

extension RedrafterCommand {
    /// Runs the command with the arguments of the process, and ends it. Every error ends here.
    public static func main(_ plugins: Plugins) -> Never {
        Terminal.prepare()
        let arguments = Array(CommandLine.arguments.dropFirst())
        exit(withError: Plugins.$current.withValue(plugins) { run(arguments) })
    }

    private static func run(_ arguments: [String]) -> ExitCode {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return .success
        } catch {
            return ending(error, of: CommandPath(arguments))
        }
    }

    /// Says what is to be said of an error, and gives the code that the process ends with.
    private static func ending(_ error: any Error, of command: CommandPath) -> ExitCode {
        do {
            // Help, the version and scripts for shells are thrown by the parser, and no failures.
            guard exitCode(for: error) == .success, !(error is ExitCode) else { throw error }
            try Terminal.write(message(for: error) + "\n")
            return .success
        } catch {
            guard let failure = CommandFailure(error, of: command) else { return exitCode(for: error) }
            failure.say()
            return failure.status.code
        }
    }
}

/// The command that arguments name: what the parser runs.
struct CommandPath {
    /// From the root on.
    private let commands: [any ParsableCommand.Type]

    init(_ arguments: [String]) {
        var commands: [any ParsableCommand.Type] = [RedrafterCommand.self]
        for argument in arguments {
            let subcommands = commands[commands.count - 1].configuration.subcommands
            guard let named = subcommands.first(where: { $0.configuration.commandName == argument }) else {
                break
            }
            commands.append(named)
        }
        self.commands = commands
    }

    /// As it is typed, such as `redrafter distill generate`.
    var name: String { commands.compactMap { $0.configuration.commandName }.joined(separator: " ") }

    /// The flags that its help lists, such as `-c` and `--ctx-size`.
    var flags: Set<String> {
        let help = RedrafterCommand.helpMessage(for: commands[commands.count - 1], includeHidden: true)
        // "  -c, --ctx-size <n>   Tokens …"
        let lines = help.split(separator: "\n").filter { $0.hasPrefix("  -") }
        return Set(lines.flatMap { Hint.flags(in: String($0.prefix { $0 != "<" })) })
    }
}
