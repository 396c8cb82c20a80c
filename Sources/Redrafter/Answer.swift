import RedrafterCore
import RedrafterModels

/// The text that grows while a generation runs, and the reasons to end it.
package struct Answer {
    package private(set) var tokens: [Int32] = []
    package var logProbabilities: [TokenLogProbabilities] = []
    private var text = ""
    package var finishReason = FinishReason.length
    package var timings = GenerationTimings()
    private let model: Model
    package let parameters: GenerationParameters
    private let promptTokens: Int
    private var decoder: TextDecoder
    private var scanner: StopScanner
    private var isContextFull = false
    private var started = ContinuousClock.now

    package init(model: Model, parameters: GenerationParameters, promptTokens: Int) {
        self.model = model
        self.parameters = parameters
        self.promptTokens = promptTokens
        decoder = TextDecoder(model.tokenizer)
        scanner = StopScanner(parameters.stop)
        timings.load = model.loadDuration
    }

    /// The first token is chosen.
    package mutating func promptIsDone() {
        timings.prompt = started.duration(to: .now)
        started = .now
    }

    /// Adds a token to the text; false when the answer ends with it.
    package mutating func take(
        _ token: Int32, isDrafted: Bool, _ cancellation: CancellationFlag, _ onPiece: (TextPiece) -> Void
    ) -> Bool {
        guard parameters.maximumTokens != 0 else { return false }
        tokens.append(token)
        if model.tokenizer.endOfGeneration.contains(token) {
            finishReason = .stop
            return false
        }
        emit(scanner.append(decoder.append(token)), isDrafted, onPiece)
        if scanner.isStopped {
            finishReason = .stop
            return false
        }
        // The token needs a slot in the cache before another can follow it.
        isContextFull = promptTokens + tokens.count >= model.contextLength
        if isContextFull || tokens.count == parameters.maximumTokens { return false }
        if cancellation.isCancelled {
            finishReason = .cancelled
            return false
        }
        return true
    }

    /// What its tokens report of their logits.
    package var report: LogProbabilityReport? {
        parameters.topLogProbabilities.map { LogProbabilityReport(top: $0, vocabulary: model.tokenCount) }
    }

    /// Tokens that may still come.
    package var room: Int { (parameters.maximumTokens ?? .max) - tokens.count }

    package mutating func finished(
        _ speculation: SpeculationMetrics, drafter: String, isExact: Bool, _ onPiece: (TextPiece) -> Void
    ) -> GenerationResult {
        emit(scanner.append(decoder.flush()), false, onPiece)
        if scanner.isStopped { finishReason = .stop } else { emit(scanner.finish(), false, onPiece) }
        timings.predictedTokens = tokens.count
        timings.predicted = tokens.isEmpty ? .zero : started.duration(to: .now)
        return GenerationResult(
            text: text, tokens: tokens, logProbabilities: Array(logProbabilities.prefix(tokens.count)),
            finishReason: finishReason, isContextFull: isContextFull,
            promptTokens: promptTokens, timings: timings, speculation: speculation, drafter: drafter,
            isExact: isExact)
    }

    private mutating func emit(_ piece: String, _ isDrafted: Bool, _ onPiece: (TextPiece) -> Void) {
        guard !piece.isEmpty else { return }
        text += piece
        onPiece(TextPiece(text: piece, isDrafted: isDrafted))
    }
}
