import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterReport
import RedrafterServing
import Synchronization

extension CompareCommand {
    /// Compares drafters under load.
    func compareLoad(
        _ list: String, _ prompts: PromptSet, _ settings: Comparison.Settings, _ template: ChatTemplateOptions
    ) throws {
        let clients = try NumberList.parse(
            list, name: "clients", in: 1...EngineOptions.maximumSlots, omittingEmpty: false)
        guard format != .html else {
            throw CommandFailure(.usage, "there is no html with --clients", hint: "pass -o md, csv or json")
        }
        let longest = prompts.prompts.map(\.byteCount).max() ?? 0
        let model = try modelArguments.load(
            contextLengthLimit: longest + Self.templateTokens + settings.maximumTokens,
            backend: modelArguments.backend, chatTemplate: template)
        var options = EngineOptions(slots: clients.max() ?? 1)
        options.drafters = drafters.split(separator: ",").map(String.init)
        options.drafterOptions = settings.speculation.drafterOptions
        options.drafterPaths = settings.speculation.drafterPaths
        let engine = try Engine(model, options)
        engine.warnings.forEach(Terminal.warn)
        let tokens = try Comparison.tokenized(prompts, model, settings)
        let parameters = GenerationParameters(
            maximumTokens: settings.maximumTokens, sampling: settings.sampling)
        let bar = Mutex(ProgressBar("comparing"))
        let comparison = try waiting {
            try await LoadComparison.run(
                on: engine, prompts: tokens, drafters: engine.drafters, clients: clients,
                rounds: settings.repetitions, parameters: parameters, cancellation: Interrupt.flag
            ) { part in bar.withLock { $0.update(part) } }
        }
        bar.withLock { $0.finish() }
        guard !comparison.entries.isEmpty else { throw ExitCode(Interrupt.exitCode) }
        let report = LoadReport(comparison, model: model)
        switch format {
        case .csv: try write(report.table.csv)
        case .json: try write(report.json.text(isPretty: true) + "\n")
        case .md, .html: try write(report.markdown)
        }
        if comparison.isPartial { throw ExitCode(Interrupt.exitCode) }
        if comparison.entries.contains(where: { $0.differingPrompt != nil }) {
            Terminal.fail(
                "an answer differs from the one that its prompt gets alone; this is a defect, please report it"
            )
            throw ExitCode(70)
        }
    }
}

/// A comparison under load for people and for programs.
struct LoadReport {
    private let comparison: LoadComparison
    private let model: Model
    private let plain: [Int: [LoadRun]]

    init(_ comparison: LoadComparison, model: Model) {
        self.comparison = comparison
        self.model = model
        plain = Dictionary(
            uniqueKeysWithValues: comparison.entries.filter { $0.drafter == "none" }.map {
                ($0.clients, $0.runs)
            })
    }

    var table: Table {
        var table = Table([
            .init("clients", isNumeric: true), .init("drafter"), .init("tokens/s", isNumeric: true),
            .init("min – max", isNumeric: true), .init("speedup", isNumeric: true),
            .init("tokens/step", isNumeric: true), .init("rows/pass", isNumeric: true),
            .init("first token ms", isNumeric: true), .init("identical"),
        ])
        for entry in comparison.entries {
            let speeds = Statistics(entry.runs.map(\.tokensPerSecond))
            let first = Statistics(entry.runs.flatMap(\.secondsToFirstToken))
            table.append([
                "\(entry.clients)", entry.drafter, Number.fixed(speeds.median, 1),
                "\(Number.fixed(speeds.minimum, 1)) – \(Number.fixed(speeds.maximum, 1))",
                speedup(entry).map { Number.fixed($0, 2) + " ×" } ?? "",
                Number.fixed(tokensPerStep(entry), 2), Number.fixed(rowsPerPass(entry), 1),
                Number.fixed(first.median * 1000, 0), entry.differingPrompt == nil ? "yes" : "no",
            ])
        }
        return table
    }

    var markdown: String {
        let backend = model.backend
        return table.markdown
            + "\n\(backend.device), \(backend.threads) threads, kernels \(backend.kernels); speedup: tokens/s ÷ those of none "
            + "with as many clients in the same round, median\n"
    }

    var json: JSONValue {
        .array(
            comparison.entries.map { entry in
                .object([
                    "clients": .integer(entry.clients), "drafter": .string(entry.drafter),
                    "tokens_per_second": .array(entry.runs.map { .double($0.tokensPerSecond) }),
                    "speedup": speedup(entry).map { .double($0) } ?? .null,
                    "tokens_per_step": .double(tokensPerStep(entry)),
                    "rows_per_pass": .double(rowsPerPass(entry)),
                    "seconds_to_first_token": .array(
                        entry.runs.flatMap(\.secondsToFirstToken).map { .double($0) }),
                    "identical": .bool(entry.differingPrompt == nil),
                ])
            })
    }

    private func speedup(_ entry: LoadComparison.Entry) -> Double? {
        let ratios = zip(entry.runs, plain[entry.clients] ?? []).map {
            $0.tokensPerSecond / max($1.tokensPerSecond, .leastNonzeroMagnitude)
        }
        return ratios.isEmpty ? nil : Statistics(ratios).median
    }

    private func tokensPerStep(_ entry: LoadComparison.Entry) -> Double {
        var metrics = SpeculationMetrics()
        for run in entry.runs { metrics.add(run.speculation) }
        return metrics.meanAcceptanceLength
    }

    private func rowsPerPass(_ entry: LoadComparison.Entry) -> Double {
        let (rows, passes) = entry.runs.reduce((0, 0)) { ($0.0 + $1.rows, $0.1 + $1.passes) }
        return passes > 0 ? Double(rows) / Double(passes) : 0
    }
}
