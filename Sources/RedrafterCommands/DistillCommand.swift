import ArgumentParser

/// `redrafter distill`: data that drafters learn from.
struct DistillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "distill",
        abstract: "Makes data from the model's own answers, for drafters to learn from.",
        discussion: """
            A drafter learns best from what the model itself says (ReDrafter, section 3.3).

              redrafter distill generate --prompts prompts.jsonl --output data --tokens 2000000
              redrafter train rnn --data data --output drafter
              redrafter compare --drafters rnn,none --drafter-model drafter
            """,
        subcommands: [
            DistillGenerateCommand.self, DistillPromptsCommand.self, DistillExportCommand.self,
        ])
}
