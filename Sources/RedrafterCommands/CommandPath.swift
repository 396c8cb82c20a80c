import ArgumentParser

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
