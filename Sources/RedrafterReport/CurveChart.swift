/// Curves over a number, in panels one above the other that share it: a training run. A file of its own (SVG)
/// with its colours inside, so that every viewer shows it alike.
public struct CurveChart: Sendable {
    /// A named line, or dots joined by a line where there are few.
    public struct Curve: Sendable {
        public var name: String
        /// Places and values; what is not finite is left out.
        public var points: [(x: Double, y: Double)]
        /// Whether each point is marked: for measurements that are far apart.
        public var hasDots: Bool

        public init(_ name: String, points: [(x: Double, y: Double)], hasDots: Bool = false) {
            self.name = name
            self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
            self.hasDots = hasDots
        }
    }

    /// A drawing with an upright axis of its own, which begins at zero.
    public struct Panel: Sendable {
        public var title: String
        public var curves: [Curve]

        public init(title: String, curves: [Curve]) {
            self.title = title
            self.curves = curves.filter { !$0.points.isEmpty }
        }
    }

    /// What the chart shows, for those who cannot see it.
    public var title: String
    /// What the points lie over.
    public var horizontal: String
    /// From top to bottom; panels without a point are not drawn.
    public var panels: [Panel]

    public init(title: String, horizontal: String, panels: [Panel]) {
        self.title = title
        self.horizontal = horizontal
        self.panels = panels
    }

    private static let width = 900.0
    private static let panelHeight = 280.0
    private static let (left, right) = (64.0, 876.0)
    private static let (above, below) = (64.0, 28.0)  // of the drawing in its panel
    /// Points of a curve beyond which neighbours are drawn as their mean.
    static let mostPoints = 400

    /// The chart as an SVG document.
    public var svg: String {
        let drawn = panels.filter { !$0.curves.isEmpty }
        let last = drawn.flatMap(\.curves).flatMap(\.points).map(\.x).max() ?? 0
        let across = Chart.Scale(largest: max(last, 1), groups: 1)
        let height = 40 + Self.panelHeight * Double(drawn.count) + 24
        var body = Self.text(Self.left, 26, title, size: 16, weight: "bold")
        if drawn.isEmpty { body += Self.text(Self.left, 54, "nothing was measured yet") }
        for (index, panel) in drawn.enumerated() {
            body += Self.draw(panel, top: 40 + Self.panelHeight * Double(index), last: max(last, 1), across)
        }
        body += Self.text(
            (Self.left + Self.right) / 2, height - 8, drawn.isEmpty ? "" : horizontal, anchor: "middle")
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(height))" \
            width="\(Int(Self.width))" height="\(Int(height))" role="img" \
            font-family="system-ui, sans-serif" font-size="12" fill="#1c1e21">
            <title>\(HTML.escaped(title))</title>
            <rect width="\(Int(Self.width))" height="\(Int(height))" fill="#ffffff"/>
            \(body)</svg>

            """
    }

    private static func draw(_ panel: Panel, top: Double, last: Double, _ across: Chart.Scale) -> String {
        let largest = panel.curves.flatMap(\.points).map(\.y).max() ?? 0
        let scale = Chart.Scale(largest: largest > 0 ? largest : 1, groups: 1)
        let (ceiling, floor) = (top + above, top + panelHeight - below)
        func x(_ value: Double) -> Double { left + (right - left) * min(max(value, 0), last) / last }
        func y(_ value: Double) -> Double { floor - (floor - ceiling) * max(value, 0) / scale.highest }
        var svg = text(left, top + 22, panel.title, weight: "bold")
        for tick in scale.ticks {
            svg += line(left, y(tick), right, y(tick))
            svg += text(left - 8, y(tick) + 4, Number.fixed(tick, scale.digits), anchor: "end")
        }
        for tick in across.ticks where tick <= last {
            svg += line(x(tick), floor, x(tick), floor + 4)
            svg += text(x(tick), floor + 18, Number.fixed(tick, across.digits), anchor: "middle")
        }
        for (index, curve) in panel.curves.enumerated() {
            let colour = HTML.palette(light: true)[index % HTML.palette(light: true).count]
            let points = thinned(curve.points).map { (x($0.x), y($0.y)) }
            let path = points.map { "\(Number.fixed($0.0, 1)),\(Number.fixed($0.1, 1))" }
            svg +=
                "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.8\" stroke-linejoin=\"round\" "
                + "points=\"\(path.joined(separator: " "))\"/>\n"
            if curve.hasDots || points.count == 1 { svg += dots(points, colour) }
        }
        return svg + legend(panel.curves.map(\.name), y: top + 44)
    }

    /// At most `mostPoints` points: the means of neighbours.
    static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard points.count > mostPoints else { return points }
        return (0..<mostPoints).map { index in
            let part = points[points.count * index / mostPoints..<points.count * (index + 1) / mostPoints]
            let count = Double(part.count)
            return (part.reduce(0) { $0 + $1.x } / count, part.reduce(0) { $0 + $1.y } / count)
        }
    }

    private static func dots(_ points: [(Double, Double)], _ colour: String) -> String {
        points.map {
            "<circle cx=\"\(Number.fixed($0.0, 1))\" cy=\"\(Number.fixed($0.1, 1))\" r=\"3\" "
                + "fill=\"\(colour)\"/>\n"
        }.joined()
    }

    private static func legend(_ names: [String], y: Double) -> String {
        var (svg, x) = ("", left)
        for (index, name) in names.enumerated() {
            let colour = HTML.palette(light: true)[index % HTML.palette(light: true).count]
            svg +=
                "<rect x=\"\(Int(x))\" y=\"\(Int(y) - 10)\" width=\"12\" height=\"12\" rx=\"2\" "
                + "fill=\"\(colour)\"/>"
            svg += text(x + 18, y, name)
            x += 18 + Double(name.count) * 7 + 24
        }
        return svg
    }

    private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line x1=\"\(Number.fixed(x1, 1))\" y1=\"\(Number.fixed(y1, 1))\" x2=\"\(Number.fixed(x2, 1))\" "
            + "y2=\"\(Number.fixed(y2, 1))\" stroke=\"#d4d7dc\"/>\n"
    }

    private static func text(
        _ x: Double, _ y: Double, _ content: String, anchor: String = "start", size: Int = 12,
        weight: String = "normal"
    ) -> String {
        "<text x=\"\(Number.fixed(x, 1))\" y=\"\(Number.fixed(y, 1))\" text-anchor=\"\(anchor)\" "
            + "font-size=\"\(size)\" font-weight=\"\(weight)\">\(HTML.escaped(content))</text>\n"
    }
}
