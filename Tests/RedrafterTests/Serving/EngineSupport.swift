import BundledDrafters
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterModels
import RedrafterPlatform
import RedrafterServing
import RedrafterTesting
import Synchronization

@testable import Redrafter

/// What a caller sees of an answer, alone or beside others.
struct Seen: Equatable {
    var tokens: [Int32]
    var text: String
    var finishReason: FinishReason
    var isContextFull: Bool
    var promptTokens: Int
    var logProbabilities: [TokenLogProbabilities]

    init(_ result: GenerationResult) {
        (tokens, text) = (result.tokens, result.text)
        (finishReason, isContextFull) = (result.finishReason, result.isContextFull)
        (promptTokens, logProbabilities) = (result.promptTokens, result.logProbabilities)
    }

    /// By plain decoding, alone.
    init(_ request: EngineRequest, alone model: Model) throws {
        self.init(try TextGenerator(model).generate(request.prompt, request.parameters))
    }

    /// By an engine, with the pieces and tokens of its updates checked against the whole.
    init(_ request: EngineRequest, on engine: Engine) async throws {
        var (pieces, tokens, logged) = ("", [Int32](), [TokenLogProbabilities]())
        for try await event in try engine.submit(request) {
            switch event {
            case .update(let update):
                pieces += update.pieces.map(\.text).joined()
                tokens += update.tokens.map(\.token)
                logged += update.tokens.compactMap(\.logProbabilities)
            case .finished(let result):
                self.init(result)
                guard (pieces, tokens) == (text, self.tokens), logged == logProbabilities else {
                    throw UpdatesDiffer(result: result, pieces: pieces, tokens: tokens)
                }
                return
            }
        }
        throw CancellationError()
    }
}

/// The updates of an answer are not what its result says.
struct UpdatesDiffer: Error {
    var result: GenerationResult
    var pieces: String
    var tokens: [Int32]
}

/// Drafters of every kind for the toy model: with weights, following the text, always wrong, damaged, combined.
let toyDrafters = [
    "toy-rnn", "toy-context", "toy-medusa", "seven", "outside", "nan", "lookup", "toy-rnn+lookup",
    "seven+toy-medusa",
]

/// Holds an engine up as long as it is closed: the drafter `held` waits for it before its first draft.
final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)

    func open() { isOpen.store(true, ordering: .releasing) }

    fileprivate func wait() { while !isOpen.load(ordering: .acquiring) { usleep(500) } }
}

private struct HeldDrafter: Drafter {
    let name = "held"
    let gate: Gate

    func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout Void, proposal: inout DraftProposal
    ) { gate.wait() }
}

/// Guesses tokens that are never right, and counts the steps whose rejected rows it is told of.
struct WatchingDrafter: Drafter {
    let name = "watching"
    let told: Counter

    /// Steps with guesses, by whether the model's tokens after all of them came along.
    final class Counter: Sendable {
        let complete = Atomic<Int>(0)
        let steps = Atomic<Int>(0)
    }

    func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout Void, proposal: inout DraftProposal
    ) { for token in Int32(60)..<62 { proposal.insert(token, after: 0, logAcceptance: -0.1) } }

    func observe(_ outcome: StepOutcome, state: inout Void) {
        guard outcome.tree.count > 1 else { return }
        told.steps.add(1, ordering: .relaxed)
        if outcome.mostLikely.count == outcome.tree.count, outcome.mostLikely[0] == outcome.tokens[0] {
            told.complete.add(1, ordering: .relaxed)
        }
    }
}

/// A registry that makes them, `held` with its gate and `watching` with its counter.
func toyRegistry(_ gate: Gate = Gate(), told: WatchingDrafter.Counter = .init()) -> Registry {
    var registry = Registry.standard
    registry.register(DrafterDescription(name: "watching", summary: "")) { _, _ in WatchingDrafter(told: told)
    }
    registry.register(DrafterDescription(name: "held", summary: "")) { _, _ in HeldDrafter(gate: gate) }
    func add(_ name: String, _ make: @escaping @Sendable (DraftTarget) throws -> any Drafter) {
        registry.register(DrafterDescription(name: name, summary: "")) { target, _ throws(DrafterError) in
            do { return try make(target) } catch {
                throw .invalidWeights(path: name, reason: "\(error)")
            }
        }
    }
    add("toy-rnn") {
        try RecurrentDrafter(
            try ToyDrafter.recurrent(hidden: 64, exit: 64, vocabulary: 64).weights(), for: $0)
    }
    add("toy-context") {
        let toy = ToyDrafter.recurrent(
            hidden: 64, exit: 64, vocabulary: 64, context: ToyDrafter.context())
        return try RecurrentDrafter(try toy.weights(), for: $0)
    }
    add("toy-medusa") {
        try MedusaDrafter(try ToyDrafter.medusa(hidden: 64, vocabulary: 64).weights(), for: $0)
    }
    add("seven") { _ in ConstantDrafter(7) }
    add("outside") { _ in ConstantDrafter(1000) }
    add("nan") { _ in ConstantDrafter(3, logAcceptance: .nan) }
    return registry
}

/// Requests of every kind: lengths, samplings, stops, beginnings that are shared.
func mixedRequests(_ count: Int, seed: UInt64, drafters: [String]) -> [EngineRequest] {
    var random = SeededRandom(seed: seed)
    let shared = (0..<20).map { _ in Int32.random(in: 0..<64, using: &random) }
    return (0..<count).map { index in
        var sampling = SamplingParameters()
        if index % 3 != 0 {
            sampling.temperature = Float.random(in: 0.3...1.5, using: &random)
            sampling.topK = [0, 5, 40].randomElement(using: &random) ?? 0
            sampling.topP = Bool.random(using: &random) ? 0.9 : 1
            sampling.seed = UInt64.random(in: 0...9, using: &random)
        }
        if index % 5 == 0 { sampling.repeatPenalty = 1.2 }
        if index % 7 == 1 { sampling.logitBias = [9: 4, 11: -100] }
        var parameters = GenerationParameters(
            maximumTokens: Int.random(in: 0...40, using: &random), sampling: sampling)
        if index % 4 == 2 { parameters.stop = ["<7>", "><5"] }
        if index % 4 == 3 { parameters.topLogProbabilities = index % 8 == 3 ? 0 : 4 }
        if index % 11 == 10 { parameters.maximumTokens = nil }
        let own = (0..<Int.random(in: 1...30, using: &random)).map { _ in
            Int32.random(in: 0..<64, using: &random)
        }
        let prompt =
            Bool.random(using: &random)
            ? Array(shared.prefix(Int.random(in: 1...20, using: &random))) + own : own
        return EngineRequest(
            prompt, parameters, drafter: drafters.randomElement(using: &random),
            maximumRows: [1, 4, 32].randomElement(using: &random) ?? 32)
    }
}
