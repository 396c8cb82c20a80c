import ArgumentParser
import RedrafterCore

/// The command that arguments name: what the parser runs.
struct CommandPath {
    /// From the root on.
    private let commands: [any ParsableCommand.Type]
    /// The first argument that names none, a flag or what the command takes.
    private let rest: String?

    init(_ arguments: some Sequence<String>) {
        var commands: [any ParsableCommand.Type] = [RedrafterCommand.self]
        var rest: String?
        for argument in arguments {
            let subcommands = commands[commands.count - 1].configuration.subcommands
            guard let named = subcommands.first(where: { $0.configuration.commandName == argument }) else {
                rest = argument
                break
            }
            commands.append(named)
        }
        self.commands = commands
        self.rest = rest
    }

    /// The parser explains the command itself where `help` is asked about one that does not exist.
    /// - Throws: `CommandFailure` there.
    static func checkHelp(_ arguments: [String]) throws {
        guard arguments.first == "help" else { return }
        let asked = CommandPath(
            arguments.dropFirst().filter { !["--", "-h", "--help", "help"].contains($0) })
        guard let rest = asked.rest, !rest.hasPrefix("-") else { return }
        throw CommandFailure(
            .usage, "'\(asked.name)' has no command '\(TerminalText.escaped(rest))'",
            hint: "see '\(asked.name) --help'")
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
