/// Numbers with commas between them, as several options take them.
enum NumberList {
    /// - Parameters:
    ///   - text: what was given.
    ///   - name: of the option, for the error.
    ///   - range: of each number.
    ///   - omittingEmpty: whether nothing between two commas is passed over, or an error.
    /// - Throws: exit 64.
    static func parse(
        _ text: String, name: String, in range: ClosedRange<Int>, omittingEmpty: Bool
    ) throws -> [Int] {
        try text.split(separator: ",", omittingEmptySubsequences: omittingEmpty).map { part in
            guard let value = Int(part), range.contains(value) else {
                throw CommandFailure(
                    .usage,
                    "\(name) is \(part); allowed: \(range.lowerBound) to \(range.upperBound), separated by commas"
                )
            }
            return value
        }
    }
}
