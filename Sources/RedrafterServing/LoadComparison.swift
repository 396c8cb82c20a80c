import Redrafter
import RedrafterCore

/// Drafters on one engine at several loads, alternating in one run.
public struct LoadComparison: Sendable {
    /// One drafter at one load.
    public struct Entry: Sendable {
        public let drafter: String
        /// Callers at the same time.
        public let clients: Int
        /// One run in each round.
        public internal(set) var runs: [LoadRun] = []
        /// The first answer of a round that differs from what the prompt gets alone with plain decoding; nil where none does.
        public internal(set) var differingPrompt: Int?
    }

    /// By load, then by drafter.
    public let entries: [Entry]
    /// The run was cancelled before its end.
    public let isPartial: Bool

    /// Runs all drafters at all loads, after plain decoding has answered all prompts one after the other: those are the answers
    /// that all others have to equal.
    /// - Parameters:
    ///   - engine: with all drafters, and a slot for each caller.
    ///   - prompts: tokens of each; all are asked in each run.
    ///   - drafters: the engine's names.
    ///   - clients: loads.
    ///   - rounds: of all.
    ///   - parameters: of all requests.
    ///   - cancellation: ends the comparison after the run it is in.
    ///   - progress: called with the part that is done, 0 to 1.
    /// - Throws: `EngineError`.
    public static func run(
        on engine: Engine, prompts: [[Int32]], drafters: [String], clients: [Int], rounds: Int,
        parameters: GenerationParameters, cancellation: CancellationFlag = CancellationFlag(),
        progress: @Sendable (Double) -> Void = { _ in }
    ) async throws -> LoadComparison {
        var entries = clients.flatMap { clients in
            drafters.map { Entry(drafter: $0, clients: clients) }
        }
        let expected = try await LoadRun.run(
            on: engine, prompts: prompts, clients: 1, drafter: "none", parameters: parameters)
        var done = 0
        rounds: for round in 0..<rounds {
            for turn in entries.indices {
                // Drafters of one load take turns in their order.
                let load = turn / drafters.count
                let index = load * drafters.count + (turn + round) % drafters.count
                guard !cancellation.isCancelled else { break rounds }
                let run = try await LoadRun.run(
                    on: engine, prompts: prompts, clients: entries[index].clients,
                    drafter: entries[index].drafter, parameters: parameters)
                entries[index].runs.append(run)
                entries[index].differingPrompt =
                    entries[index].differingPrompt
                    ?? prompts.indices.first { run.answers[$0] != expected.answers[$0] }
                done += 1
                progress(Double(done) / Double(rounds * entries.count))
            }
        }
        return LoadComparison(
            entries: entries.filter { !$0.runs.isEmpty }, isPartial: cancellation.isCancelled)
    }
}
