/// The nearest known name, for errors.
enum Spelling {
    /// The name that needs the fewest changes; the first of equals. `known` is not empty.
    static func nearest(_ name: String, among known: [String]) -> String {
        let wanted = Array(name.utf8.prefix(40))
        var best = known.first ?? ""
        var least = Int.max
        for candidate in known {
            let distance = distance(wanted, Array(candidate.utf8))
            if distance < least { (best, least) = (candidate, distance) }
        }
        return best
    }

    /// Letters to insert, delete or replace.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var corner = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let replaced = corner + (letter == other ? 0 : 1)
                corner = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
