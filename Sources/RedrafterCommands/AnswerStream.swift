import ArgumentParser
import Redrafter

/// Writes an answer to stdout while it is generated, or one JSON object when it is done.
struct AnswerStream {
    let marksDrafted: Bool
    let json: Bool
    let seed: UInt64

    /// Runs a generation, which takes what is to be called with each piece. Where stdout fails, it is cancelled.
    /// - Throws: what writing throws, and what the generation does.
    func write(
        _ generate: ((TextPiece) -> Void) throws(RedrafterError) -> GenerationResult
    ) throws -> GenerationResult {
        var failure: (any Error)?
        let result = try generate { piece in
            guard !json, failure == nil else { return }
            do { try Terminal.write(Terminal.shown(piece, marksDrafted: marksDrafted)) } catch {
                failure = error
                Interrupt.flag.cancel()
            }
        }
        if let failure { throw failure }
        try Terminal.write(json ? GenerationReport(result, seed: seed).json + "\n" : "\n")
        return result
    }
}
