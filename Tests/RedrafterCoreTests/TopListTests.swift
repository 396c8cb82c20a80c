import RedrafterCore
import RedrafterTesting
import Testing

@Suite struct TopListTests {
    /// All entries, largest first, equal ones by id.
    private func sorted(_ values: [Float]) -> [Int32] {
        values.indices.sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }.map {
            Int32($0)
        }
    }

    @Test(
        "The list is the beginning of the sorted row, equal values by id",
        arguments: [1, 2, 7, 31, 32, 33, 63, 64, 65, 100, 1000, 8197])
    func sorts(_ size: Int) {
        var random = SeededRandom(seed: UInt64(size))
        let rows: [[Float]] = [
            (0..<size).map { _ in Float.random(in: -9...9, using: &random) },
            (0..<size).map { _ in Float(Int.random(in: -2...2, using: &random)) },
            [Float](repeating: 0, count: size),
            (0..<size).map { Float($0) }, (0..<size).map { -Float($0) },
            (0..<size).map { _ in
                Bool.random(using: &random) ? -.infinity : Float.random(in: -1...1, using: &random)
            },
        ]
        for row in rows {
            let expected = sorted(row)
            for count in [1, 2, 3, 8, 24, 40, 64, size - 1, size, size + 5] where count > 0 {
                let list = row.withUnsafeBufferPointer { TopList.largest(count, of: $0) }
                #expect(list.map(\.token) == Array(expected.prefix(count)), "\(count) of \(size)")
                #expect(list.allSatisfy { row[Int($0.token)] == $0.logit })
            }
        }
    }

    @Test("Values at any distance from the start of a block are found, wherever the row lies in memory")
    func unaligned() {
        for offset in 0..<33 {
            var memory = [Float](repeating: -1, count: 400)
            memory[offset + 300] = 5
            memory[offset + 17] = 4
            let list = memory.withUnsafeBufferPointer {
                TopList.largest(3, of: UnsafeBufferPointer(rebasing: $0[offset..<offset + 340]))
            }
            #expect(list.map(\.token) == [300, 17, 0])
        }
    }
}
