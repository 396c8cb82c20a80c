import RedrafterCore
import RedrafterFormats
import RedrafterReport

extension Comparison {
    /// One table over all prompts and, where there are several categories, one of speedups by category.
    public var markdown: String {
        var text = table.markdown + "\n" + legend + "\n"
        if let categoryTable { text += "\nSpeedup by category (median)\n\n" + categoryTable.markdown }
        return text
    }

    /// The table over all prompts, then a row for each category.
    public var csv: String {
        var table = Table([.init("category")] + Self.columns(backends: true))
        for entry in entries {
            if let figures = entry.figures {
                table.append(["all"] + cells(entry, figures, backends: true))
            }
            for (name, figures) in entry.categories {
                table.append([name] + cells(entry, figures, backends: true))
            }
        }
        return table.csv
    }

    var hasSeveralBackends: Bool { Set(entries.map(\.backend)).count > 1 }

    var table: Table {
        var table = Table(Self.columns(backends: hasSeveralBackends))
        for entry in entries {
            guard let figures = entry.figures else { continue }
            table.append(cells(entry, figures, backends: hasSeveralBackends))
        }
        return table
    }

    private static func columns(backends: Bool) -> [Table.Column] {
        [.init("drafter")] + (backends ? [.init("backend")] : [])
            + [
                .init("tokens/s", isNumeric: true), .init("speedup", isNumeric: true),
                .init("min – max", isNumeric: true), .init("tokens/step", isNumeric: true),
                .init("rows/step", isNumeric: true), .init("draft ms", isNumeric: true),
                .init("verify ms", isNumeric: true), .init("rest ms", isNumeric: true), .init("identical"),
            ]
    }

    private func cells(_ entry: Entry, _ figures: Figures, backends: Bool) -> [String] {
        let spread =
            "\(Number.fixed(figures.speedup.minimum, 2)) – \(Number.fixed(figures.speedup.maximum, 2))"
        return [entry.drafter] + (backends ? [entry.backend.name] : [])
            + [
                Number.fixed(figures.tokensPerSecond.median, 1),
                Number.fixed(figures.speedup.median, 2) + " ×", spread,
                Number.fixed(figures.metrics.meanAcceptanceLength, 2),
                Number.fixed(figures.metrics.rowsPerStep, 1),
                Number.fixed(figures.milliseconds(\.draft), 2),
                Number.fixed(figures.milliseconds(\.verify), 2),
                Number.fixed(figures.milliseconds(\.rest), 2),
                verdict(entry, figures),
            ]
    }

    private func verdict(_ entry: Entry, _ figures: Figures) -> String {
        if !entry.isExact { return "lossy" }
        guard !figures.isIdentical else { return "yes" }
        let place = entry.firstDifference.map { " (prompt \($0.prompt), token \($0.position))" } ?? ""
        return "NO" + TerminalText.escaped(place)
    }

    var categoryTable: Table? {
        let names = entries.map { $0.categories.map(\.name) }.max { $0.count < $1.count } ?? []
        guard names.count > 1 else { return nil }
        let compared = entries.filter { $0.drafter != "none" }
        var table = Table(
            [.init("category")]
                + compared.map {
                    .init(
                        hasSeveralBackends ? "\($0.drafter), \($0.backend.name)" : $0.drafter, isNumeric: true
                    )
                })
        for name in names {
            table.append(
                [TerminalText.escaped(name)]
                    + compared.map { entry in
                        entry.categories.first { $0.name == name }.map {
                            Number.fixed($0.figures.speedup.median, 2) + " ×"
                        } ?? ""
                    })
        }
        return table
    }

    /// What the figures were measured on.
    public var legend: String {
        let backend = entries[0].backend
        let sampling =
            settings.sampling.isGreedy
            ? "greedy" : "temperature \(settings.sampling.temperature), seed \(settings.sampling.seed)"
        return
            "\(TerminalText.escaped(fileName)), \(backend.device), \(backend.threads) threads, \(backend.kernels); "
            + "\(promptCount) prompts (\(TerminalText.escaped(promptSet))) × \(settings.maximumTokens) tokens × "
            + "\(settings.repetitions) rounds, \(sampling), tree \(tree); medians"
            + (isPartial ? "; interrupted, what is complete is shown" : "")
    }

    private var fileName: String { model.split(separator: "/").last.map(String.init) ?? model }

    /// One object with everything, each timed answer included.
    public var json: JSONValue {
        .object([
            "model": .string(model),
            "backend": .string(entries[0].backend.name),
            "settings": settingsObject,
            "prompts": .object(["name": .string(promptSet), "count": .integer(promptCount)]),
            "partial": .bool(isPartial),
            "drafters": .array(entries.map(object)),
        ])
    }

    private var settingsObject: JSONValue {
        let backend = entries[0].backend
        let sampling = settings.sampling
        return .object([
            "n_predict": .integer(settings.maximumTokens),
            "repetitions": .integer(settings.repetitions),
            "temperature": .double(Double(sampling.temperature)),
            "top_k": .integer(sampling.topK),
            "top_p": .double(Double(sampling.topP)),
            "min_p": .double(Double(sampling.minP)),
            "seed": .integer(Int(clamping: sampling.seed)),
            "chat_template": .bool(settings.usesChatTemplate),
            "tree": .string(tree),
            "max_rows": .integer(settings.speculation.maximumRows),
            "beam_width": settings.speculation.drafterOptions.beamWidth.map { .integer($0) } ?? .null,
            "beam_length": settings.speculation.drafterOptions.beamLength.map { .integer($0) } ?? .null,
            "device": .string(backend.device),
            "threads": .integer(backend.threads),
            "kernels": .string(backend.kernels),
            "blas": backend.blas.map { .string($0) } ?? .null,
        ])
    }

    private func object(_ entry: Entry) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("drafter", .string(entry.drafter)), ("backend", .string(entry.backend.name)),
            ("exact", .bool(entry.isExact)),
        ]
        if let figures = entry.figures { members += fields(figures) }
        if let difference = entry.firstDifference {
            members.append(
                (
                    "first_difference",
                    .object(["prompt": .string(difference.prompt), "position": .integer(difference.position)])
                ))
        }
        members.append(
            (
                "categories",
                Self.object(entry.categories.map { ($0.name, Self.object(fields($0.figures))) })
            ))
        members.append(
            (
                "price_of_rows",
                .array(
                    entry.prices.map {
                        .object(["rows": .integer($0.rows), "ms": .double($0.seconds * 1000)])
                    })
            ))
        members.append(("samples", .array(entry.samples.map(object))))
        return Self.object(members)
    }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members.map { (ByteSlice($0.0), $0.1) }))
    }

    private func fields(_ figures: Figures) -> [(String, JSONValue)] {
        func spread(_ statistics: Statistics) -> JSONValue {
            .object([
                "median": .double(statistics.median), "min": .double(statistics.minimum),
                "max": .double(statistics.maximum),
            ])
        }
        return [
            ("tokens_per_second", spread(figures.tokensPerSecond)),
            ("speedup", .double(figures.speedup.median)),
            ("speedup_spread", spread(figures.speedup)),
            ("mean_acceptance_length", .double(figures.metrics.meanAcceptanceLength)),
            ("acceptance_per_pos", .array(figures.metrics.acceptancePerPosition.map { .double($0) })),
            ("rows_per_step", .double(figures.metrics.rowsPerStep)),
            (
                "ms_per_step",
                .object([
                    "draft": .double(figures.milliseconds(\.draft)),
                    "verify": .double(figures.milliseconds(\.verify)),
                    "rest": .double(figures.milliseconds(\.rest)),
                ])
            ),
            ("identical", .bool(figures.isIdentical)),
        ]
    }

    private func object(_ sample: Sample) -> JSONValue {
        .object([
            "prompt": .string(sample.prompt),
            "category": sample.category.map { .string($0) } ?? .null,
            "round": .integer(sample.round),
            "tokens": .integer(sample.tokens),
            "tokens_per_second": .double(sample.tokensPerSecond),
            "speedup": .double(sample.speedup),
            "mean_acceptance_length": .double(sample.metrics.meanAcceptanceLength),
            "steps": .integer(sample.metrics.steps),
            "draft_n": .integer(sample.metrics.draftTokens),
            "draft_n_accepted": .integer(sample.metrics.acceptedTokens),
            "identical": .bool(sample.difference == nil),
        ])
    }
}
