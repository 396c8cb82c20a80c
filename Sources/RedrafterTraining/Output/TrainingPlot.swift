import RedrafterFormats
import RedrafterReport

/// A training run as a picture: loss, accuracy of each draft position, and tokens a step, over the
/// iterations.
///
/// Read from the lines of a `TrainingLog` by these members, each of which may be absent:
///
/// | member | drawn as |
/// |---|---|
/// | `loss` | loss, training |
/// | `eval.loss` | loss, held-out texts |
/// | `eval.top1` | an array: how often the first guess of each draft position is right |
/// | `top1` | the same on training texts, drawn where `eval.top1` is absent throughout |
/// | `eval.tokens_per_step` | tokens that one pass of the model is expected to confirm |
public struct TrainingPlot: Sendable {
    /// The chart, for those who want to change it.
    public var chart: CurveChart

    public init(title: String, entries: [JSONValue]) {
        func points(_ value: (JSONValue) -> JSONValue?) -> [(x: Double, y: Double)] {
            entries.compactMap { entry in
                guard let step = entry["step"]?.double, let number = value(entry)?.double else { return nil }
                return (step, number)
            }
        }
        func positions(_ list: (JSONValue) -> [JSONValue]?) -> [CurveChart.Curve] {
            let count = entries.map { list($0)?.count ?? 0 }.max() ?? 0
            return (0..<min(count, 16)).map { position in
                CurveChart.Curve(
                    "token \(position + 1)",
                    points: points { entry in
                        list(entry).flatMap { position < $0.count ? $0[position] : nil }
                    }, hasDots: true)
            }
        }
        let held = positions { $0["eval"]?["top1"]?.array }
        chart = CurveChart(
            title: title, horizontal: "iteration",
            panels: [
                .init(
                    title: "loss (nats a token)",
                    curves: [
                        .init("training", points: points { $0["loss"] }),
                        .init("held-out texts", points: points { $0["eval"]?["loss"] }, hasDots: true),
                    ]),
                .init(
                    title: "top-1 accuracy of each draft position, "
                        + (held.isEmpty ? "training texts" : "held-out texts"),
                    curves: held.isEmpty ? positions { $0["top1"]?.array } : held),
                .init(
                    title: "expected tokens per pass of the model, held-out texts",
                    curves: [
                        .init(
                            "tokens per pass", points: points { $0["eval"]?["tokens_per_step"] },
                            hasDots: true)
                    ]),
            ])
    }

    /// Writes the picture as SVG. - Throws: `TrainingError.output`; an older picture is intact then.
    public func write(to path: String) throws(TrainingError) {
        let text = Array(chart.svg.utf8)
        do {
            let file = try AtomicFile(path: path, expectedBytes: text.count)
            try file.write(text)
            try file.commit()
        } catch {
            throw .output(error)
        }
    }

    /// Draws the log at `log` into the file at `path`; nothing is drawn of damaged lines.
    public static func draw(log: String, title: String, to path: String) throws(TrainingError) {
        let (entries, _) = try TrainingLog.entries(path: log)
        try TrainingPlot(title: title, entries: entries).write(to: path)
    }
}
