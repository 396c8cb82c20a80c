import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterModels
import RedrafterPlatform
import RedrafterReport

/// `redrafter generate`: one answer, streamed.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Answers one prompt.",
        discussion: """
            The prompt is put into the model's chat format; --no-chat-template continues it as plain text. The answer is the \
            same with every drafter and tree; they only change how soon it is there.

              redrafter generate -p "Name three rivers." -n 64
              redrafter generate -p "Once upon a time" --no-chat-template --temp 0.8
              git diff | redrafter generate -p - --system "Write a commit message."

            stdout holds the answer alone, stderr the speed.
            """)

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Length and sampling") var sampling: SamplingArguments
    @OptionGroup(title: "Speculation") var speculation: SpeculationArguments

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("The prompt; - reads stdin.", valueName: "text"))
    var prompt: String?

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("Reads the prompt from a file.", valueName: "path"))
    var file: String?

    @Option(
        name: [.customShort("c"), .customLong("ctx-size")], parsing: .unconditional,
        help: ArgumentHelp(
            "Tokens the context holds; unless given, what the model was trained for, 4096 at most.",
            valueName: "n"))
    var contextSize: Int?

    @Option(help: ArgumentHelp("System message.", valueName: "text"))
    var system: String?

    @Flag(name: .customLong("no-chat-template"), help: "Continue the prompt as plain text.")
    var noChatTemplate = false

    @Flag(name: .customLong("show-accepted"), help: "Colour the tokens that were drafted and confirmed.")
    var showAccepted = false

    @Flag(help: "Print one JSON object when done.")
    var json = false

    func run() throws {
        let seed = sampling.seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        let parameters = try sampling.parameters(seed: seed)
        let speculation = try speculation.options()
        let text = try PromptSource.read(prompt: prompt, file: file)
        Interrupt.install()
        let model = try modelArguments.load(contextLength: contextSize)
        let encoding = try encode(text, for: model)
        if encoding.droppedBytes > 0 {
            Terminal.warn(
                "\(encoding.droppedBytes) bytes of the prompt have no token in this model and were dropped")
        }
        var writeFailure: (any Error)?
        let result = try Terminal.failing { () throws(RedrafterError) in
            let generator = try TextGenerator(model, speculation: speculation)
            return try generator.generate(
                encoding.tokens, parameters, cancellation: Interrupt.flag
            ) { (piece: TextPiece) in
                guard !json, writeFailure == nil else { return }
                do { try Terminal.write(Terminal.shown(piece, marksDrafted: showAccepted)) } catch {
                    writeFailure = error
                    Interrupt.flag.cancel()
                }
            }
        }
        if let writeFailure { throw writeFailure }
        if json {
            try Terminal.write(GenerationReport(result, seed: seed).json + "\n")
        } else {
            try Terminal.write("\n")
            Terminal.say(GenerationReport(result, seed: seed).summary)
        }
        if result.finishReason == .cancelled { throw ExitCode(Interrupt.exitCode) }
    }

    private func encode(_ text: String, for model: Model) throws -> Tokenizer.Encoding {
        try Terminal.failing { () throws(RedrafterError) in
            if noChatTemplate { return model.prompt(text) }
            let systemMessage = system.map { [ChatMessage(role: .system, content: $0)] } ?? []
            return try model.prompt(systemMessage + [ChatMessage(role: .user, content: text)])
        }
    }
}

/// Where a prompt comes from: the flag, stdin or a file.
enum PromptSource {
    /// Largest prompt that is read.
    private static let limit = 64 << 20

    static func read(prompt: String?, file: String?) throws -> String {
        switch (prompt, file) {
        case (nil, nil):
            Terminal.fail("no prompt was given", hint: "pass -p TEXT, -p - for stdin, or -f FILE")
            throw ExitCode(64)
        case (.some, .some):
            Terminal.fail("both -p and -f were given", hint: "pass one of them")
            throw ExitCode(64)
        case ("-"?, nil): return try read(descriptor: STDIN_FILENO, name: "stdin")
        case (let text?, nil): return text
        case (nil, let path?):
            let descriptor = open(path, O_RDONLY | O_NONBLOCK)
            guard descriptor >= 0 else {
                let code = errno
                Terminal.fail("\(TerminalText.escaped(path)): \(String(cString: strerror(code)))")
                throw ExitCode(code == EACCES ? 77 : 66)
            }
            defer { close(descriptor) }
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                Terminal.fail("\(TerminalText.escaped(path)): is no regular file")
                throw ExitCode(66)
            }
            return try read(descriptor: descriptor, name: path)
        }
    }

    private static func read(descriptor: Int32, name: String) throws -> String {
        var bytes = [UInt8]()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { systemRead(descriptor, $0) }
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                Terminal.fail(
                    "cannot read \(TerminalText.escaped(name)): \(String(cString: strerror(errno)))")
                throw ExitCode(74)
            }
            bytes += buffer[..<count]
            guard bytes.count <= limit else {
                Terminal.fail("\(TerminalText.escaped(name)) is longer than \(limit >> 20) MiB")
                throw ExitCode(64)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}
