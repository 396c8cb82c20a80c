import RedrafterDistillation
import RedrafterFormats
import RedrafterReport

extension TrainingRun.Event {
    /// A line as mlx-lm prints it.
    var line: String {
        switch self {
        case .started(let step, let iterations, let parameters, let positions, let coverage):
            "Training from iteration \(step) to \(iterations): \(parameters) parameters, \(positions) positions, "
                + "draft vocabulary covers \(Self.percent(coverage)) of the answers"
        case .report(let step, let loss, let accuracy, let stateError, let rate, let speed, let time):
            "Iteration \(step): training loss \(Self.number(loss, 3)), top-1 \(Self.list(accuracy)), "
                + Self.state(stateError)
                + "learning rate \(Self.scientific(Double(rate))), \(Int(speed)) positions/s (\(Self.percent(time.data)) data, "
                + "\(Self.percent(time.gradient)) gradient, \(Self.percent(time.update)) update)"
        case .evaluation(let step, let evaluation):
            "Iteration \(step): held-out loss \(Self.number(evaluation.loss, 3)), top-1 \(Self.list(evaluation.accuracy)), "
                + Self.state(evaluation.stateError)
                + "\(Self.number(evaluation.draft.tokensPerStep, 3)) tokens per step with "
                + "\(Self.number(evaluation.draft.rowsPerStep, 1)) rows"
        case .saved(_, let path): "saved \(path)"
        case .checking(let bytes): "comparing \(bytes / 1_000_000) MB of data with their digests"
        case .warning(let text): "warning: \(text)"
        }
    }

    /// The same for programs.
    var json: JSONValue {
        switch self {
        case .started(let step, let iterations, let parameters, let positions, let coverage):
            .object([
                "event": .string("started"), "step": .integer(step), "iterations": .integer(iterations),
                "parameters": .integer(parameters), "positions": .integer(positions),
                "coverage": .double(coverage),
            ])
        case .report(let step, let loss, let accuracy, let stateError, let rate, let speed, let time):
            .object([
                "event": .string("report"), "step": .integer(step), "loss": .double(loss),
                "top1": .array(accuracy.map(JSONValue.double)), "learning_rate": .double(Double(rate)),
                "positions_per_second": .double(speed),
                "state_error": stateError.map(JSONValue.double) ?? .null,
                "time": .object([
                    "data": .double(time.data), "gradient": .double(time.gradient),
                    "update": .double(time.update),
                ]),
            ])
        case .evaluation(let step, let evaluation):
            .object([
                "event": .string("evaluation"), "step": .integer(step), "loss": .double(evaluation.loss),
                "top1": .array(evaluation.accuracy.map(JSONValue.double)),
                "state_error": evaluation.stateError.map(JSONValue.double) ?? .null,
                "tokens_per_step": .double(evaluation.draft.tokensPerStep),
                "rows_per_step": .double(evaluation.draft.rowsPerStep),
            ])
        case .saved(let step, let path):
            .object(["event": .string("saved"), "step": .integer(step), "path": .string(path)])
        case .checking(let bytes): .object(["event": .string("checking"), "bytes": .integer(bytes)])
        case .warning(let text): .object(["event": .string("warning"), "text": .string(text)])
        }
    }

    private static func state(_ error: Double?) -> String {
        error.map { "state error \(number($0, 3)), " } ?? ""
    }

    private static func percent(_ share: Double) -> String { number(share * 100, 1) + " %" }

    private static func list(_ shares: [Double]) -> String {
        shares.map { number($0, 3) }.joined(separator: " ")
    }

    private static func number(_ value: Double, _ digits: Int) -> String { Number.fixed(value, digits) }

    private static func scientific(_ value: Double) -> String {
        guard value > 0 else { return "0" }
        var (mantissa, exponent) = (value, 0)
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        return number(mantissa, 2) + (exponent == 0 ? "" : "e\(exponent)")
    }
}

extension Terminal {
    /// Says what a command does before it begins to work, where that takes seconds.
    static func sayChecking(_ bytes: Int) { say(TrainingRun.Event.checking(bytes: bytes).line) }
}
