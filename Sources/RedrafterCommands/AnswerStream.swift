import ArgumentParser
import Redrafter
import RedrafterCore

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
        result.speculation.warnOfDamage(by: result.drafter)
        return result
    }
}

extension SpeculationMetrics {
    /// Says on stderr that a drafter's weights give no numbers. The text is right all the same; it only comes later.
    func warnOfDamage(by drafter: String) {
        guard nonFiniteDraftRows > 0 else { return }
        Terminal.warn(
            "the drafter '\(drafter)' gave NaN or infinity in \(nonFiniteDraftRows) rows, which were left out; its weights may "
                + "be damaged")
    }
}
