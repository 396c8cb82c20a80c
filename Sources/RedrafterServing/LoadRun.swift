import Redrafter
import RedrafterCore

/// Callers that ask one question after the other at the same time, and how fast their engine answered.
public struct LoadRun: Sendable {
    /// Generated tokens of all answers, each for its prompt.
    public private(set) var answers: [[Int32]]
    /// From the first request to the last answer.
    public private(set) var duration = Duration.zero
    /// Seconds to the first token of each answer.
    public private(set) var secondsToFirstToken: [Double] = []
    /// What speculation did in all answers.
    public private(set) var speculation = SpeculationMetrics()
    /// Passes over the model, and rows of all of them.
    public private(set) var passes = 0
    public private(set) var rows = 0

    /// Generated tokens a second, of all callers together.
    public var tokensPerSecond: Double {
        let seconds = duration / .seconds(1)
        return seconds > 0 ? Double(answers.reduce(0) { $0 + $1.count }) / seconds : 0
    }

    public var rowsPerPass: Double { passes > 0 ? Double(rows) / Double(passes) : 0 }

    /// Asks all prompts with so many callers; each takes the next prompt when its answer is complete.
    /// - Parameters:
    ///   - engine: answers, after it has forgotten what is in its slots.
    ///   - prompts: one request each.
    ///   - clients: callers at the same time.
    ///   - drafter: one of the engine's.
    ///   - parameters: of all requests.
    /// - Throws: `EngineError`.
    public static func run(
        on engine: Engine, prompts: [[Int32]], clients: Int, drafter: String,
        parameters: GenerationParameters
    ) async throws -> LoadRun {
        await engine.forget()
        let before = engine.metrics
        let prompts = PromptQueue(prompts)
        let start = ContinuousClock.now
        var run = LoadRun(answers: [[Int32]](repeating: [], count: prompts.count))
        try await withThrowingTaskGroup(of: [ClientAnswer].self) { group in
            for _ in 0..<clients {
                group.addTask {
                    var answers = [ClientAnswer]()
                    while let (index, prompt) = await prompts.next() {
                        answers.append(
                            try await ClientAnswer(
                                index, engine, EngineRequest(prompt, parameters, drafter: drafter)))
                    }
                    return answers
                }
            }
            for try await answers in group {
                for answer in answers {
                    run.answers[answer.index] = answer.result.tokens
                    run.secondsToFirstToken.append(answer.secondsToFirstToken)
                    run.speculation.add(answer.result.speculation)
                }
            }
        }
        run.duration = start.duration(to: .now)
        let after = engine.metrics
        run.passes = after.passes - before.passes
        run.rows = after.rows - before.rows
        return run
    }
}

/// Hands prompts out, one at a time.
private actor PromptQueue {
    private let prompts: [[Int32]]
    private var given = 0
    nonisolated let count: Int

    init(_ prompts: [[Int32]]) {
        self.prompts = prompts
        count = prompts.count
    }

    func next() -> (index: Int, prompt: [Int32])? {
        guard given < prompts.count else { return nil }
        defer { given += 1 }
        return (given, prompts[given])
    }
}

/// An answer as its caller saw it.
private struct ClientAnswer: Sendable {
    let index: Int
    let result: GenerationResult
    let secondsToFirstToken: Double

    init(_ index: Int, _ engine: Engine, _ request: EngineRequest) async throws {
        self.index = index
        let start = ContinuousClock.now
        var first: Double?
        var result: GenerationResult?
        for try await event in try engine.submit(request) {
            if first == nil { first = start.duration(to: .now) / .seconds(1) }
            if case .finished(let own) = event { result = own }
        }
        guard let result else { throw CancellationError() }
        self.result = result
        secondsToFirstToken = first ?? 0
    }
}
