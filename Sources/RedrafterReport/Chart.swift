/// Charts as inline SVG: bars in groups, bars in layers, lines.
public struct Chart: Sendable {
    /// A value with its spread.
    public struct Value: Sendable {
        public var middle: Double
        public var low: Double?
        public var high: Double?

        public init(_ middle: Double, low: Double? = nil, high: Double? = nil) {
            self.middle = middle
            self.low = low
            self.high = high
        }
    }

    /// What the chart shows, for those who cannot see it.
    public var title: String
    /// What is measured, with its unit.
    public var unit: String
    private let series: [String]
    private let labels: [String]
    private let marks: @Sendable (Scale) -> String
    private let largest: Double

    /// Bars side by side. `values [labels][series]`, nil where nothing was measured; a dashed line stands at `mark`.
    public static func bars(
        title: String, unit: String, series: [String], labels: [String], values: [[Value?]],
        mark: Double? = nil
    ) -> Chart {
        let largest = values.joined().compactMap { $0.map { $0.high ?? $0.middle } }.max() ?? 0
        return Chart(
            title: title, unit: unit, series: series, labels: labels,
            marks: { scale in
                var svg = ""
                for (group, row) in values.enumerated() {
                    let width = scale.groupWidth * 0.8 / Double(max(1, series.count))
                    for (index, value) in row.enumerated() {
                        guard let value else { continue }
                        let x = scale.group(group) + scale.groupWidth * 0.1 + Double(index) * width
                        svg += scale.bar(x: x, width: width * 0.9, from: 0, to: value.middle, series: index)
                        if let low = value.low, let high = value.high {
                            let middle = x + width * 0.45
                            svg += scale.line((middle, low), (middle, high), "whisker")
                        }
                    }
                }
                if let mark { svg += scale.line((scale.left, mark), (scale.right, mark), "one") }
                return svg
            }, largest: max(largest, mark ?? 0))
    }

    /// Bars made of layers. `values [labels][series]`
    public static func layers(
        title: String, unit: String, series: [String], labels: [String], values: [[Double]]
    ) -> Chart {
        Chart(
            title: title, unit: unit, series: series, labels: labels,
            marks: { scale in
                var svg = ""
                for (group, row) in values.enumerated() {
                    var bottom = 0.0
                    for (index, value) in row.enumerated() {
                        svg += scale.bar(
                            x: scale.group(group) + scale.groupWidth * 0.2, width: scale.groupWidth * 0.6,
                            from: bottom, to: bottom + value, series: index)
                        bottom += value
                    }
                }
                return svg
            }, largest: values.map { $0.reduce(0, +) }.max() ?? 0)
    }

    /// Lines over the labels. `values [series][labels]`, nil where nothing was measured.
    public static func lines(
        title: String, unit: String, series: [String], labels: [String], values: [[Double?]]
    ) -> Chart {
        Chart(
            title: title, unit: unit, series: series, labels: labels,
            marks: { scale in
                var svg = ""
                for (index, row) in values.enumerated() {
                    let points = row.enumerated().compactMap { place, value in
                        value.map { (scale.group(place) + scale.groupWidth / 2, scale.y($0)) }
                    }
                    let path = points.map { "\(Number.fixed($0.0, 1)),\(Number.fixed($0.1, 1))" }
                    svg +=
                        "<polyline fill=\"none\" stroke=\"\(HTML.colour(index))\" stroke-width=\"2\" points=\"\(path.joined(separator: " "))\"/>"
                    for point in points {
                        svg +=
                            "<circle cx=\"\(Number.fixed(point.0, 1))\" cy=\"\(Number.fixed(point.1, 1))\" r=\"3.5\" fill=\"\(HTML.colour(index))\"/>"
                    }
                }
                return svg
            }, largest: values.joined().compactMap(\.self).max() ?? 0)
    }

    /// The chart as a figure. Nothing is drawn where there is no data.
    public var figure: String {
        guard largest > 0, largest.isFinite, !labels.isEmpty else { return "" }
        let scale = Scale(largest: largest, groups: labels.count)
        var svg = ""
        for tick in scale.ticks {
            svg += scale.line((scale.left, tick), (scale.right, tick), "axis")
            svg +=
                "<text class=\"quiet\" x=\"\(Int(scale.left) - 8)\" y=\"\(Number.fixed(scale.y(tick) + 4, 1))\" text-anchor=\"end\">\(Number.fixed(tick, scale.digits))</text>"
        }
        svg += marks(scale)
        for (index, label) in labels.enumerated() {
            let x = scale.group(index) + scale.groupWidth / 2
            svg +=
                "<text x=\"\(Number.fixed(x, 1))\" y=\"\(Int(Scale.bottom) + 18)\" text-anchor=\"middle\">\(HTML.escaped(label))</text>"
        }
        var x = scale.left
        for (index, name) in series.enumerated() {
            svg +=
                "<rect x=\"\(Int(x))\" y=\"6\" width=\"12\" height=\"12\" rx=\"2\" fill=\"\(HTML.colour(index))\"/>"
            svg += "<text x=\"\(Int(x) + 18)\" y=\"16\">\(HTML.escaped(name))</text>"
            x += 18 + Double(name.count) * 7 + 24
        }
        return """
            <figure><svg viewBox="0 0 \(Int(Scale.width)) \(Int(Scale.height))" role="img" aria-label="\(HTML.escaped(title))">
            <title>\(HTML.escaped(title))</title>
            \(svg)
            </svg><figcaption>\(HTML.escaped(title)), \(HTML.escaped(unit))</figcaption></figure>

            """
    }

    /// From values to places in the drawing.
    struct Scale {
        static let width = 900.0
        static let height = 320.0
        static let bottom = 286.0
        private static let top = 36.0
        let left = 56.0
        let right = width - 12
        let groups: Int
        /// Distance of the lines behind the marks: 1, 2 or 5 times a power of ten.
        let step: Double
        let highest: Double

        init(largest: Double, groups: Int) {
            self.groups = groups
            var unit = 1.0
            while unit * 10 <= largest { unit *= 10 }
            while unit > largest { unit /= 10 }
            let step = [0.2, 0.5, 1, 2].map { $0 * unit }.first { largest / $0 <= 6 } ?? 2 * unit
            self.step = step
            highest = (largest / step).rounded(.up) * step
        }

        var ticks: [Double] { (0...Int((highest / step).rounded())).map { Double($0) * step } }
        var digits: Int { step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3 }
        var groupWidth: Double { (right - left) / Double(groups) }

        func group(_ index: Int) -> Double { left + Double(index) * groupWidth }

        func y(_ value: Double) -> Double {
            Self.bottom - (Self.bottom - Self.top) * min(max(value, 0), highest) / highest
        }

        func bar(x: Double, width: Double, from: Double, to: Double, series: Int) -> String {
            let (upper, lower) = (y(to), y(from))
            return
                "<rect x=\"\(Number.fixed(x, 1))\" y=\"\(Number.fixed(upper, 1))\" width=\"\(Number.fixed(width, 1))\" "
                + "height=\"\(Number.fixed(max(0, lower - upper), 1))\" fill=\"\(HTML.colour(series))\"/>"
        }

        func line(_ from: (x: Double, value: Double), _ to: (x: Double, value: Double), _ kind: String)
            -> String
        {
            "<line class=\"\(kind)\" x1=\"\(Number.fixed(from.x, 1))\" y1=\"\(Number.fixed(y(from.value), 1))\" "
                + "x2=\"\(Number.fixed(to.x, 1))\" y2=\"\(Number.fixed(y(to.value), 1))\"/>"
        }
    }
}
