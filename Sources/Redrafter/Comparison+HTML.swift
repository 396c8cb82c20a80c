import RedrafterCore
import RedrafterReport

extension Comparison {
    /// One page with the tables and the plots people ask for; it loads nothing.
    public var html: String {
        let measured = entries.filter { $0.figures != nil }
        let drafting = measured.filter { $0.drafter != "none" }
        var body = "<h1>Drafters compared</h1>\n<p>\(HTML.escaped(legend))</p>\n"
        for entry in measured where entry.isExact {
            guard let difference = entry.firstDifference else { continue }
            body +=
                "<p class=\"warning\">\(HTML.escaped(name(entry))) differs from plain decoding at prompt "
                + "\(HTML.escaped(difference.prompt)), token \(difference.position).</p>\n"
        }
        for entry in measured where !entry.isExact {
            body +=
                "<p class=\"warning\">\(HTML.escaped(name(entry))) ran with a lossy verifier: its text is not plain decoding's.</p>\n"
        }
        body += HTML.table(
            table, caption: "All prompts; medians, speedup with its range over prompts and rounds")
        body += "<h2>Speedup</h2>\n" + speedups(drafting).figure
        if let categoryTable {
            body += HTML.table(categoryTable, caption: "Speedup by category, medians")
        }
        body += "<h2>Acceptance by position</h2>\n" + acceptance(drafting).figure
        body += "<h2>Where the time of a step goes</h2>\n" + times(measured).figure
        body += "<h2>What a pass over n rows costs</h2>\n" + prices(measured).figure
        return HTML.page(title: "redrafter compare", body: body)
    }

    private func name(_ entry: Entry) -> String {
        (hasSeveralBackends ? "\(entry.drafter), \(entry.backend.name)" : entry.drafter)
            + (entry.isExact ? "" : " (lossy)")
    }

    private func speedups(_ entries: [Entry]) -> Chart {
        func value(_ figures: Figures?) -> Chart.Value? {
            figures.map {
                Chart.Value($0.speedup.median, low: $0.speedup.minimum, high: $0.speedup.maximum)
            }
        }
        let categories = entries.map { $0.categories.map(\.name) }.max { $0.count < $1.count } ?? []
        let rows = categories.map { category in
            entries.map { entry in value(entry.categories.first { $0.name == category }?.figures) }
        }
        return .bars(
            title: "Speedup over plain decoding by category",
            unit: "times; median, and range over prompts and rounds",
            series: entries.map(name), labels: ["all"] + categories,
            values: [entries.map { value($0.figures) }] + rows, mark: 1)
    }

    private func acceptance(_ entries: [Entry]) -> Chart {
        let rates = entries.map { $0.figures?.metrics.acceptancePerPosition ?? [] }
        let depth = rates.map(\.count).max() ?? 0
        return .lines(
            title: "Steps that accept a guess at a position", unit: "share of all steps",
            series: entries.map(name), labels: (0..<depth).map { "\($0 + 1)" },
            values: rates.map { rate in (0..<depth).map { $0 < rate.count ? rate[$0] : 0 } })
    }

    private func times(_ entries: [Entry]) -> Chart {
        .layers(
            title: "Time of a step", unit: "ms; draft, verify, rest", series: ["draft", "verify", "rest"],
            labels: entries.map(name),
            values: entries.map { entry in
                [\StepDurations.draft, \.verify, \.rest].map { entry.figures?.milliseconds($0) ?? 0 }
            })
    }

    private func prices(_ entries: [Entry]) -> Chart {
        let rows = Set(entries.flatMap { $0.prices.map(\.rows) }).sorted()
        return .lines(
            title: "Median time of a pass by its rows", unit: "ms, as measured in this run",
            series: entries.map(name), labels: rows.map(String.init),
            values: entries.map { entry in
                rows.map { count in entry.prices.first { $0.rows == count }.map { $0.seconds * 1000 } }
            })
    }
}
