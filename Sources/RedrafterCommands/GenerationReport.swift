import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterReport

/// What a generation cost, for people and for programs.
struct GenerationReport {
    private let result: GenerationResult
    private let seed: UInt64

    init(_ result: GenerationResult, seed: UInt64) {
        self.result = result
        self.seed = seed
    }

    /// One line: speeds of prompt and answer.
    var summary: String {
        let timings = result.timings
        let prompt = Number.fixed(timings.promptPerSecond, 1)
        let predicted = Number.fixed(timings.predictedPerSecond, 1)
        let speculation = result.speculation
        let drafted =
            speculation.speculativeSteps > 0
            ? "; \(result.drafter): \(Number.fixed(speculation.meanAcceptanceLength, 2)) tokens per step"
                + (result.isExact ? "" : " (lossy)") : ""
        let full = result.isContextFull ? "; the context is full (-c)" : ""
        return
            "\(timings.promptTokens) prompt tokens at \(prompt) tokens/s, \(timings.predictedTokens) generated at "
            + "\(predicted) tokens/s\(drafted)\(full)"
    }

    /// One object with llama.cpp's names of timings.
    var json: String {
        let timings = result.timings
        func milliseconds(_ duration: Duration) -> JSONValue { .double(duration / .milliseconds(1)) }
        return JSONValue.object([
            "text": .string(result.text),
            "tokens": .array(result.tokens.map { .integer(Int($0)) }),
            "finish_reason": .string(result.finishReason.rawValue),
            "seed": .integer(Int(clamping: seed)),
            "usage": .object([
                "prompt_tokens": .integer(result.promptTokens),
                "completion_tokens": .integer(result.tokens.count),
                "total_tokens": .integer(result.promptTokens + result.tokens.count),
            ]),
            "timings": .object([
                "prompt_n": .integer(timings.promptTokens),
                "prompt_ms": milliseconds(timings.prompt),
                "prompt_per_second": .double(timings.promptPerSecond),
                "predicted_n": .integer(timings.predictedTokens),
                "predicted_ms": milliseconds(timings.predicted),
                "predicted_per_second": .double(timings.predictedPerSecond),
                "load_ms": milliseconds(timings.load),
                "draft_n": .integer(result.speculation.draftTokens),
                "draft_n_accepted": .integer(result.speculation.acceptedTokens),
            ]),
            "drafter": .string(result.drafter),
            "exact": .bool(result.isExact),
            "logprobs": result.logProbabilities.isEmpty
                ? .null : .array(result.logProbabilities.map(Self.logProbabilities)),
            "metrics": .object(["speculative_decoding": speculation]),
        ]).text()
    }

    /// A token's and its alternatives'; null for a token that cannot come.
    private static func logProbabilities(_ entry: TokenLogProbabilities) -> JSONValue {
        .object([
            "id": .integer(Int(entry.token)), "logprob": .double(entry.logProbability),
            "top_logprobs": .array(
                entry.top.map {
                    .object(["id": .integer(Int($0.token)), "logprob": .double($0.logProbability)])
                }),
        ])
    }

    /// The counters of speculation with vLLM's names.
    private var speculation: JSONValue {
        let metrics = result.speculation
        return .object([
            "mean_acceptance_length": .double(metrics.meanAcceptanceLength),
            "draft_acceptance_rate": .double(metrics.acceptanceRate),
            "num_spec_steps": .integer(metrics.speculativeSteps),
            "num_steps": .integer(metrics.steps),
            "num_draft_tokens": .integer(metrics.draftTokens),
            "num_accepted_draft_tokens": .integer(metrics.acceptedTokens),
            "num_accepted_tokens_per_pos": .array(metrics.acceptedPerPosition.map { .integer($0) }),
            "draft_nonfinite": .integer(metrics.nonFiniteDraftRows),
        ])
    }
}
