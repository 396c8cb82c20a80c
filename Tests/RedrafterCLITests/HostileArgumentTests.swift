import Foundation
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("Arguments and names that were made to do harm") struct HostileArgumentTests {
    private let directory = TemporaryDirectory()

    /// Text that clears the screen and turns the reading direction, as it reaches the command and as it may be shown.
    private static let hostile = "a\u{1B}[2J\u{202E}b\u{7F}"

    private func expectHarmless(_ text: String, _ context: String) {
        #expect(
            text.unicodeScalars.allSatisfy {
                $0 == "\n" || ($0.properties.generalCategory != .control && !$0.properties.isBidiControl)
            }, "\(context): \(text.debugDescription)")
    }

    @Test(
        "What is rejected is one line with a hint, and shows no character that acts on a terminal",
        arguments: [
            "generate -p x --n-predict \"$H\"", "generate -p x --verifier \"$H\"", "generate \"--$H\"",
            "generate -p x --temp \"$H\"", "generate x \"$H\"", "\"$H\"", "bench -o \"$H\"",
            "bench -p \"$H\"",
            "bench -r \"$H\"", "bench --kernels \"$H\"",
            "bench --rows-context \"$H\"", "compare --tree \"$H\"", "compare --format \"$H\"",
            "convert a b --type \"$H\"",
            "convert a b --layout \"$H\"", "train \"$H\"", "train rnn --loss \"$H\"", "train rnn",
            "generate -n",
            "generate -p x -m \"$H\"", "generate -f \"$H\"", "inspect \"$H\"", "compare --prompts \"$H\"",
            "generate -p x --drafter-model \"$H\"", "distill generate --prompts \"$H\" -o \"$H\"",
            "--generate-completion-script=\"$H\"", "distill prompts -o \"$H\" --count 0",
            "generate -nz \"$H\"",
            "logits --tokens \"$H\" -o \"$H\"", "drafters -m \"$H\"", "pull \"$H\"",
            "pull a/b --revision \"$H\"",
            "generate -p x -hf \"$H\"", "generate -p x -m \"hf:a/b/$H\"",
        ])
    func rejected(arguments: String) throws {
        let run = try Run(
            shell: "\"$R\" \(arguments)", environment: ["H": Self.hostile, "REDRAFTER_CACHE": "/nonexistent"])
        #expect(run.exited && [64, 66].contains(run.code), "\(run.code): \(run.errors)")
        let lines = run.errors.split(separator: "\n")
        #expect(lines.first?.hasPrefix("error: ") == true && run.output.isEmpty, "\(run.errors)")
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("hint: ") } && lines.count <= 2, "\(run.errors)")
        expectHarmless(run.errors, arguments)
    }

    @Test("Names of files and what they hold are escaped in every format that is printed")
    func names() throws {
        let model = try ToyModelFile().writeGGUF(to: directory.path, name: Self.hostile)
        let drafter = directory.file(Self.hostile + "drafter.gguf")
        try DrafterWriter.write(
            try ToyDrafter.recurrent(hidden: 64, vocabulary: ToyTokenizer.tokens.count).weights(),
            to: drafter,
            layout: .gguf, type: nil)
        let prompts = directory.file(Self.hostile + "prompts.jsonl")
        let category = #"a\u001b[2J\u202eb\u007f"#
        try ToyModelFile.write(
            Array(
                "{\"text\": \"ab\", \"category\": \"\(category)\"}\n{\"text\": \"a\", \"category\": \"c\"}"
                    .utf8),
            to: prompts)
        let compare = "compare -m \"$M\" --prompts \"$P\" -n 4 -r 1 --drafters rnn --drafter-model \"$D\" -o"
        for command in [
            "inspect \"$M\"", "inspect \"$M\" --json --tensors", "inspect \"$D\"", "inspect \"$D\" --json",
            "bench -m \"$M\" -p 4 -n 0 -r 1 -o csv", "bench -m \"$M\" -p 4 -n 0 -r 1 -o json",
            "bench -m \"$M\" -p 4 -n 0 -r 1 -o jsonl", "bench -m \"$M\" -p 4 -n 0 -r 1 -o md",
            "\(compare) md", "\(compare) csv", "\(compare) json", "\(compare) html", "drafters -m \"$M\"",
            "drafters -m \"$M\" --json", "convert \"$D\" \"$D.gguf\" --type q8_0 --json",
            "convert \"$M\" \"$M.out\" --type f16", "distill prompts -m \"$M\" --count 1 -o \"$M.out\"",
        ] {
            let run = try Run(
                shell: "\"$R\" \(command)", environment: ["M": model, "D": drafter, "P": prompts])
            #expect(run.code == 0 && !(run.output + run.errors).isEmpty, "\(command): \(run.errors)")
            expectHarmless(run.output, command)
            expectHarmless(run.errors, command)
        }
        let run = try Run(shell: "\"$R\" inspect \"$M\" --json", environment: ["M": model])
        #expect(run.output.contains(#"a\u001b[2J\u202eb\u007f"#))
        #expect(try JSONValue(parsing: run.output.utf8, path: "output")["path"]?.string == model)
    }

    @Test(
        "A tree that is too large is refused at once, in a line",
        arguments: [
            "[[" + String(repeating: "0,", count: 60_000) + "0]]",
            "[" + (0..<20_000).map { "[\($0 % 1000)]" }.joined(separator: ",") + "]",
            String(repeating: "[", count: 100_000), "[[0" + String(repeating: "0", count: 100_000) + "]]",
        ])
    func largeTree(tree: String) throws {
        try Data(tree.utf8).write(to: URL(filePath: directory.file("tree")))
        let run = try Run(
            shell:
                "ulimit -t 5; \"$R\" generate -p x -m /nonexistent --tree \"$(cat '\(directory.file("tree"))')\""
        )
        #expect(run.exited && run.code == 64, "\(run.code): \(run.errors)")
        #expect(run.errors.hasPrefix("error: tree") && run.errors.utf8.count < 2000)
    }
}
