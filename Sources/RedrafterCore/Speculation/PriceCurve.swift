/// What a pass costs by its number of rows: measured counts, with straight lines between them.
///
/// As fewer rows never cost more, prices that contradict each other are averaged by their weights (isotonic regression). Beyond the
/// largest count the price rises as steeply as before it, and at least as steeply as on the whole: two counts whose prices happen
/// to be alike do not promise that all further rows are free. Where one count alone is known, its price is that of all.
struct PriceCurve: Sendable {
    struct Point: Sendable {
        let rows: Int
        var seconds: Double
        /// How much the price is to be trusted, as a number of measurements.
        var weight: Double
    }

    private(set) var points: [Point]

    /// - Parameter points: at least one; one for each number of rows.
    init(_ points: [Point]) {
        self.points = Self.rising(points.sorted { $0.rows < $1.rows })
    }

    /// The largest count that was measured.
    var largest: Int { points[points.count - 1].rows }

    /// Rows that the next pass may have: twice as many as were measured.
    var affordableRows: Int { largest * 2 }

    /// Seconds of a pass.
    func seconds(rows: Int) -> Double {
        let (first, last) = (points[0], points[points.count - 1])
        guard rows > first.rows, points.count > 1 else { return first.seconds }
        guard rows < last.rows else {
            let slope = max(Self.slope(points[points.count - 2], last), Self.slope(first, last))
            return last.seconds + slope * Double(rows - last.rows)
        }
        let upper = points.firstIndex { $0.rows >= rows } ?? points.count - 1
        let below = points[upper - 1]
        return below.seconds + Self.slope(below, points[upper]) * Double(rows - below.rows)
    }

    /// These prices, with others where these say nothing; the others are scaled to agree with the best known of these that they
    /// know as well.
    func filled(with other: PriceCurve) -> PriceCurve {
        let span = other.points[0].rows...other.largest
        let joint = points.filter { span.contains($0.rows) }.max { $0.weight < $1.weight }
        let factor = joint.map { $0.seconds / max(other.seconds(rows: $0.rows), .leastNormalMagnitude) } ?? 1
        let known = Set(points.map(\.rows))
        return PriceCurve(
            points
                + other.points.filter { !known.contains($0.rows) }.map {
                    Point(
                        rows: $0.rows, seconds: $0.seconds * factor,
                        weight: $0.weight * Self.trustInOthers)
                })
    }

    private static func slope(_ below: Point, _ above: Point) -> Double {
        (above.seconds - below.seconds) / Double(above.rows - below.rows)
    }

    /// Neighbours that fall are put together until none does.
    private static func rising(_ points: [Point]) -> [Point] {
        var blocks = [(mean: Double, weight: Double, count: Int)]()
        for point in points {
            blocks.append((point.seconds, point.weight, 1))
            while blocks.count > 1, blocks[blocks.count - 2].mean > blocks[blocks.count - 1].mean {
                let (last, before) = (blocks.removeLast(), blocks.removeLast())
                let weight = before.weight + last.weight
                let mean = (before.mean * before.weight + last.mean * last.weight) / weight
                blocks.append((mean, weight, before.count + last.count))
            }
        }
        var rising = points
        var index = 0
        for block in blocks {
            for _ in 0..<block.count {
                rising[index].seconds = block.mean
                index += 1
            }
        }
        return rising
    }

    private static let trustInOthers = 0.1
}
