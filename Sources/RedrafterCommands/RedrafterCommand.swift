import ArgumentParser

/// The `redrafter` command: parses arguments and prints; what it does is in the library.
public struct RedrafterCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "redrafter",
        abstract: "Runs language models on this machine, fast, without changing one token of their answers.",
        discussion: """
            Start with

              redrafter generate -p "Why is the sky blue?"      one answer, streamed
              redrafter chat                                    a conversation
              redrafter compare --drafters rnn,none             what speculation gains
              redrafter bench                                   how fast this machine is
              redrafter pull ORG/NAME                           a model of the Hugging Face hub

            Without -m the default model is used (`make demo` fetches it). Text goes to stdout, everything else to stderr.

            Exit codes: 64 usage, 65 bad file, 66 no such file, 69 no such device or no \
            connection, 70 internal, 73/74 output, 75 not \
            enough memory, 77 permission, 78 files that do not fit together, 130 interrupted (Ctrl-C), 131 \
            quit (SIGQUIT), 143 terminated (SIGTERM); an answer that a signal ends keeps its text so far.
            """,
        version: Version.text,
        subcommands: [
            GenerateCommand.self, ChatCommand.self, ServeCommand.self, CompareCommand.self,
            DraftersCommand.self, BenchCommand.self, DevicesCommand.self, PullCommand.self,
            ModelsCommand.self, InspectCommand.self,
            ConvertCommand.self, TokenizeCommand.self, DetokenizeCommand.self, TemplateCommand.self,
            DistillCommand.self, TrainCommand.self, LogitsCommand.self,
        ])

    public init() {}
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
            try CommandPath.checkHelp(arguments)
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
